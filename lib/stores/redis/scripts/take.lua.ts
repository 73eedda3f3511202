import { PARK_MS } from '../redis.place.js';

/** How many tasks are read between two looks at how much that is. */
const SLICE = 128;

/** How many bytes of tasks one call takes, about: Redis does nothing else meanwhile. */
const ENOUGH_BYTES = 2_000_000;

/**
 * Hands due tasks to one claimer: the first by priority, due time and id, or by due time and id alone, of the queues that it
 * asks for. They leave the index, and stand in TAKEN under a lease, or under a reservation where no owner is given.
 */
export const TAKE_FUNCTION = String.raw`
-- The first due ones: their ids, and the queue and the time of each. What they are of each queue is its beginning.
local function first_due(request, now)
  local limit, by_age, filter = request.limit, request.order == 'age', filter_of(request)
  -- The queues with something due in a heap by priority, time and id of their first member.
  local heap = {}
  local function before(a, b)
    if not by_age and a.priority ~= b.priority then return a.priority < b.priority end
    if a.time ~= b.time then return a.time < b.time end
    return text_before(a.id, b.id)
  end
  local function sink(at)
    while true do
      local child = 2 * at
      if child < #heap and before(heap[child + 1], heap[child]) then child = child + 1 end
      if child > #heap or not before(heap[child], heap[at]) then return end
      heap[at], heap[child] = heap[child], heap[at]
      at = child
    end
  end
  local function drop()
    heap[1] = heap[#heap]
    heap[#heap] = nil
    if #heap > 1 then sink(1) end
  end

  -- Nobody has more queues than this, unless a priority is made of a number that never repeats; then the earliest count.
  each_queue(function(queue, time)
    local asked, readable, priority = filter(queue)
    if asked and readable and time <= now then
      -- Its first id is not known yet; an empty one is before any other, so that it is looked up in time.
      heap[#heap + 1] = { name = queue, priority = priority, time = time_text(time), id = '' }
    end
    return time > now or #heap == 5000
  end)
  for at = math.floor(#heap / 2), 1, -1 do sink(at) end

  local slice = math.min(limit, math.ceil(limit / math.max(1, #heap)) + 8)
  local to = time_text(now) .. '\n\255'
  local ids, queues, times = {}, {}, {}
  while #ids < limit and #heap > 0 do
    local queue = heap[1]
    if queue.members == nil then
      queue.members, queue.at = due_in(queue.name, queue.from, to, slice), 0
    else
      local n = #ids + 1
      ids[n], queues[n], times[n] = queue.id, queue.name, queue.time
    end
    queue.at = queue.at + 1
    local next_member = queue.members[queue.at]
    -- The entry of a batch whose time has come just now: what is behind it is for the next call.
    if next_member and string.byte(next_member, #queue.name + 19) == TAB then
      drop()
    elseif next_member then
      queue.time = string.sub(next_member, #queue.name + 2, #queue.name + 18)
      queue.id = string.sub(next_member, #queue.name + 20)
      if #heap > 1 then sink(1) end
    elseif #queue.members < slice then
      drop()
    else
      -- Time and id stay at the last one: the next is not before it.
      queue.from, queue.members = '(' .. queue.members[#queue.members], nil
    end
  end
  return ids, queues, times
end

-- Returns how many were looked at, and the rows of those that were taken, as they were before; the id of one that was not is
-- false. What cannot be read even here is put aside, and is among the rows, so that it is reported.
local function take(request, now)
  local ids, queues, times = first_due(request, now)
  local is_lease, now_text, lease_end = request.owner ~= false, whole(now), now + request.hold
  local lease_rest = ' ' .. now_text .. ' ' .. whole(lease_end) .. ' ' .. (request.owner or '')
  local batches, spans, next_version = {}, {}, {}
  local written, parked, bytes, seen, queue_count = {}, {}, 0, 0, 0
  local rows = { {}, {}, {}, {} }

  local function batch_of(queue)
    local batch = batches[queue]
    if not batch then
      queue_count = queue_count + 1
      local name = request.token .. ':' .. queue_count
      -- A client that lost its connection sends the script again: what it took the first time is another batch.
      while redis.call('HEXISTS', BATCHES, name) == 1 do
        name = name .. '+'
      end
      batch = { name = name, lead = ' ' .. name .. ' b ', ids = {} }
      batches[queue] = batch
    end
    return batch
  end

  -- What TAKEN has of a task from now on.
  local function taken_text(batch, version, token, attempt, old_lease)
    if not is_lease then
      return version .. ' ' .. token .. ' ' .. batch.name .. ' r ' .. (old_lease or '0 0 0 -')
    end
    local one_on = next_version[version]
    if not one_on then
      one_on = whole(tonumber(version) + 1)
      next_version[version] = one_on
    end
    local last = tonumber(token)
    return one_on .. ' ' .. (last < now and now_text or whole(last + 1)) .. batch.lead
      .. (attempt == '0' and '1' or whole(tonumber(attempt) + 1)) .. lease_rest
  end

  while seen < #ids and bytes < ${ENOUGH_BYTES} do
    local some = { unpack(ids, seen + 1, math.min(seen + ${SLICE}, #ids)) }
    local definitions, states, takens = texts_of(TASKS, some), texts_of(STATES, some), get_many(TAKEN, some)
    for i = 1, #some do
      local id, definition, state, taken, queue, time = some[i], definitions[i], states[i], takens[i], queues[seen + i], times[seen + i]
      local version, token, attempt, is_there, old_lease
      if taken then
        local flag, old_end
        version, token, flag, old_lease = string.match(taken, '^(%d+) (%d+) %S+ (%a) (.*)$')
        attempt, old_end = string.match(old_lease, '^(%d+) %S+ (%S+) ')
        is_there = flag == 'x' and time_text(tonumber(old_end)) == time
      else
        version, token, attempt = string.match(state or '', '^(%d+) (%d+) %S+ (%d+) ')
        is_there = version and string.find(state, '\t' .. time .. ' ' .. queue .. '\n', 1, true)
      end
      spans[queue] = spans[queue] or { from = member(queue, time, id) }
      spans[queue].to = seen + i
      -- A member without its task is a leftover, and is gone with the others.
      local is_task = definition and state
      local is_damaged = is_task and not version
      if is_damaged then
        parked[#parked + 1], parked[#parked + 2] = 0, member(PARKED, time_text(now + ${PARK_MS}), id)
      elseif is_task and is_there then
        local batch, n = batch_of(queue), #written
        batch.ids[#batch.ids + 1] = id
        written[n + 1], written[n + 2] = id, taken_text(batch, version, token, attempt, old_lease)
      end
      local is_shown, n = (is_damaged or is_task and is_there) and true or false, seen + i
      rows[1][n], rows[2][n], rows[3][n], rows[4][n] = is_shown and id, is_shown and definition, is_shown and state, taken
      if is_shown then
        bytes = bytes + #definition + #state
      end
    end
    seen = seen + #some
  end

  local touched = {}
  for queue, span in pairs(spans) do
    touched[queue] = true
    redis.call('ZREMRANGEBYLEX', DUE, '[' .. span.from, '[' .. member(queue, times[span.to], ids[span.to]))
  end
  for queue, batch in pairs(batches) do
    local entry = queue .. '\n' .. time_text(lease_end) .. '\t' .. batch.name
    redis.call('HSET', BATCHES, batch.name, cmsgpack.pack(batch.ids), batch.name .. ':n', #batch.ids, batch.name .. ':e', entry)
    redis.call('ZADD', LEASES, whole(lease_end), batch.name)
    redis.call('ZADD', DUE, 0, entry)
  end
  call_many('HSET', TAKEN, written)
  call_many('ZADD', DUE, parked)
  if #parked > 0 then touched[PARKED] = true end
  refresh(touched)
  return seen, rows
end
`;
