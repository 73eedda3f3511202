import { PRELUDE } from './prelude.lua.js';

/**
 * Hands due tasks to one claimer: the first by priority, due time and id, or by due time and id alone, of the queues that
 * it asks for. Each goes to the time when the reservation runs out, so nobody else finds it due meanwhile, and whoever comes
 * then recovers it from a claimer that died.
 *
 * ARGV: how many, the reservation's token, its length in ms, `priority` or `age`, which queues.
 * Returns the time, how many members were taken from the index, the rows, and how many members were none: see `mend_due`.
 */
export const RESERVE = String.raw`${PRELUDE}
local strays = mend_due()
local limit, token, now = tonumber(ARGV[1]), ARGV[2], now_ms()
local by_age, filter = ARGV[4] == 'age', read_filter(5)

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
local ids, members = {}, {}
while #ids < limit and #heap > 0 do
  local queue = heap[1]
  if queue.members == nil then
    queue.members, queue.at = due_in(queue.name, queue.from, to, slice), 0
  else
    ids[#ids + 1], members[#members + 1] = queue.id, queue.members[queue.at]
  end
  queue.at = queue.at + 1
  local member = queue.members[queue.at]
  if member then
    queue.time, queue.id = string.sub(member, #queue.name + 2, #queue.name + 18), string.sub(member, #queue.name + 20)
    sink(1)
  elseif #queue.members < slice then
    drop()
  else
    -- Time and id stay at the last one: the next is not before it.
    queue.from, queue.members = '(' .. queue.members[#queue.members], nil
  end
end

local taken, rows = rows_of(members, ids)
local until_text = '\n' .. time_text(now + tonumber(ARGV[3])) .. '\n'
local out, into, places, touched = {}, {}, {}, {}
for i = 1, #taken do
  local id, old, place = taken[i][1], taken[i][2], taken[i][3]
  local queue = queue_of(old, id)
  local member = queue .. until_text .. id
  local version_nonce, columns = string.match(place, '^(%S+ %S+ )%S+( %S+\t)')
  touched[queue] = true
  out[i] = old
  -- A place that is not one is unreadable: it goes from the index, and stays where it is.
  if version_nonce then
    into[#into + 1], into[#into + 2] = 0, member
    places[#places + 1], places[#places + 2] = id, version_nonce .. token .. columns .. member
  end
end
call_many('ZREM', DUE, out)
call_many('ZADD', DUE, into)
call_many('HSET', PLACES, places)
refresh(touched)
return { whole(now), #ids, rows, strays }
`;
