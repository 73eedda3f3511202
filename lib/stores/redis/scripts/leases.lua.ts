/**
 * What becomes of the tasks that a claimer has taken: see TAKEN, BATCHES and LEASES in {@link PRELUDE}. A batch is in the index
 * with one entry for all of its tasks (`queue`, newline, time, tab, batch), so that taking and ending a task need not move it
 * there, and looking for what is next costs the same however many batches there are.
 */
export const LEASES_FUNCTIONS = String.raw`
-- The parts of what TAKEN has of a task.
local function parts_of(taken)
  return string.match(taken, '^(%d+) (%d+) (%S+) (%a) (%d+) (%S+) (%S+) (.*)$')
end

local function drop_batch(batch)
  local entry = redis.call('HGET', BATCHES, batch .. ':e')
  redis.call('ZREM', LEASES, batch)
  redis.call('HDEL', BATCHES, batch, batch .. ':n', batch .. ':e')
  if entry then
    redis.call('ZREM', DUE, entry)
    return string.match(entry, '^[^\n]*')
  end
end

-- Tasks of batches are taken no more, as many of each as its number says. Notes the queues that have changed.
local function release(batches, touched)
  for batch, number in pairs(batches) do
    if redis.call('HINCRBY', BATCHES, batch .. ':n', -number) <= 0 then
      local queue = drop_batch(batch)
      if queue then touched[queue] = true end
    end
  end
end

-- The queue of a batch, as long as the batch is there.
local function queue_of_batch(batch, known)
  local queue = known[batch]
  if queue == nil then
    local entry = redis.call('HGET', BATCHES, batch .. ':e')
    queue = entry and string.match(entry, '^[^\n]*')
    known[batch] = queue
  end
  return queue
end

-- Where a task is due that is not in a batch any more. 'lease_end' is that of the lease that it is under, nil for none.
local function due_again(id, queue, lease_end)
  if lease_end then
    return member(queue, time_text(tonumber(lease_end)), id)
  end
  local time, own_queue = place_of(redis.call('HGET', STATES, id))
  return time and time ~= '-' and member(own_queue, time, id)
end

-- The tasks of batches whose time has come, and that nobody has written since, are due as the others are.
local function end_leases(now)
  local over = redis.call('ZRANGEBYSCORE', LEASES, '-inf', whole(now), 'LIMIT', 0, 4)
  local touched = {}
  for _, batch in ipairs(over) do
    local packed, queue = redis.call('HGET', BATCHES, batch), drop_batch(batch)
    local ids = packed and cmsgpack.unpack(packed) or {}
    local takens, into, kept, out = get_many(TAKEN, ids), {}, {}, {}
    for i = 1, #ids do
      local version, token, of, flag, attempt, at, lease_end, owner
      if takens[i] then
        version, token, of, flag, attempt, at, lease_end, owner = parts_of(takens[i])
      end
      if of == batch and queue then
        local has_lease = attempt ~= '0'
        local place = due_again(ids[i], queue, has_lease and lease_end or nil)
        if has_lease then
          kept[#kept + 1] = ids[i]
          kept[#kept + 1] = table.concat({ version, token, of, 'x', attempt, at, lease_end, owner }, ' ')
        else
          out[#out + 1] = ids[i]
        end
        if place then
          into[#into + 1], into[#into + 2] = 0, place
        end
      end
    end
    call_many('HSET', TAKEN, kept)
    call_many('HDEL', TAKEN, out)
    call_many('ZADD', DUE, into)
    if queue then touched[queue] = true end
  end
  refresh(touched)
end
`;
