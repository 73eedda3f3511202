import { DUE_KEY_NAMES } from '../../../model/due-keys.js';
import type { DueKey } from '../../../model/due-keys.js';

/** Lua for each due key, in their order. Written out, because a loop would cost a table for each queue. */
const perDueKey = (separator: string, lua: (key: DueKey) => string) => DUE_KEY_NAMES.map(lua).join(separator);

/**
 * What all scripts share. Every key of the store is declared to every script, in one order:
 *
 * | key | what |
 * | --- | --- |
 * | TASKS | hash: id -> clear columns of the definition, newline, its envelope |
 * | STATES | hash: id -> schedule state |
 * | PLACES | hash: id -> `version nonce reservation columns`, tab, the task's member of DUE: see `redis.place.ts` |
 * | DUE | sorted set, all scores 0, so that it is ordered by member: `queue`, newline, time as text, newline, id |
 * | QUEUES | sorted set: queue (`priority codec`, the values of the due keys, `handler`) -> the earliest time in it |
 * | RUN_TIMES | sorted set: id -> next run time, infinite for none, minus infinite for internal records |
 * | RUNS | hash: run id, newline, attempt/token -> end, newline, task, newline, columns, newline, outcome |
 * | RUN_ENDS | sorted set by member: end, field of RUNS |
 * | TASK_RUNS | sorted set by member: task, end, field of RUNS |
 * | ATTEMPTS | hash: run id -> its attempt/token texts |
 * | RUN_COUNTS | sorted set: task -> how many ended runs it has |
 * | OTHER_COUNTS | sorted set: task -> how many of them neither failed nor were lost |
 * | SCHEDULERS | hash: identity -> time of the heartbeat, newline, JSON |
 * | START_TASKS | sorted set by member: what a start looks for: see `startMember` in `redis.records.ts` |
 *
 * One queue for each handler, priority, combination of due keys and way of writing: what this process cannot run or read, or
 * is to leave out by a due key, is passed over as a whole. The end of a run is its kind (see `kindOf`) and its inverse end. A
 * reservation moves the member to the time when it runs out, under a token that stands in PLACES.
 *
 * The last argument of every script is the largest text that is read, in bytes.
 */
export const PRELUDE = String.raw`
local TASKS, STATES, PLACES, DUE, QUEUES, RUN_TIMES, RUNS, RUN_ENDS, TASK_RUNS, ATTEMPTS, RUN_COUNTS, OTHER_COUNTS,
  SCHEDULERS, START_TASKS = unpack(KEYS)

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- A call takes no more than some 8,000 values from Lua's stack, so the lists go in slices.
local function call_many(command, key, values)
  for at = 1, #values, 1000 do
    redis.call(command, key, unpack(values, at, math.min(at + 999, #values)))
  end
end

local function get_many(key, fields)
  if #fields <= 1000 then
    return #fields > 0 and redis.call('HMGET', key, unpack(fields)) or {}
  end
  local found = {}
  for at = 1, #fields, 1000 do
    local last = math.min(at + 999, #fields)
    local slice = redis.call('HMGET', key, unpack(fields, at, last))
    for i = 1, last - at + 1 do
      found[at + i - 1] = slice[i]
    end
  end
  return found
end

-- The same for texts of any length. One that is too long is not read: '!' and its length stand for it.
local MAX_BYTES = tonumber(ARGV[#ARGV])
local function texts_of(key, fields)
  local small, at, found = {}, {}, {}
  for i = 1, #fields do
    local bytes = redis.call('HSTRLEN', key, fields[i])
    if bytes > MAX_BYTES then
      found[i] = '!' .. whole(bytes)
    else
      small[#small + 1], at[#at + 1] = fields[i], i
    end
  end
  if #small == #fields then
    return get_many(key, fields)
  end
  local values = get_many(key, small)
  for i = 1, #small do
    found[at[i]] = values[i]
  end
  return found
end

-- By bytes, as sorted sets are: Lua's own order is that of the server's locale.
local function text_before(a, b)
  for at = 1, math.min(#a, #b) do
    local x, y = string.byte(a, at), string.byte(b, at)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

local function time_text(ms)
  if ms < 0 then
    return string.format('0%016.0f', ms + 8640000000000000)
  end
  return string.format('1%016.0f', ms)
end

local function time_of(text)
  local rest = tonumber(string.sub(text, 2))
  return string.sub(text, 1, 1) == '0' and rest - 8640000000000000 or rest
end

-- All members of DUE have the score 0, or it would not be ordered by them, and no queue would have a beginning: what
-- somebody added with another one would hide all others. A member of a task is put right, and anything else goes.
-- Returns how many there were.
local function mend_due()
  local below, above = redis.call('ZCOUNT', DUE, '-inf', '(0'), redis.call('ZCOUNT', DUE, '(0', '+inf')
  if below + above == 0 then
    return 0
  end
  local strays = redis.call('ZRANGEBYSCORE', DUE, '-inf', '(0', 'LIMIT', 0, 500)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', DUE, '(0', '+inf', 'LIMIT', 0, 500)) do
    strays[#strays + 1] = member
  end
  for i = 1, #strays do
    local id = string.match(strays[i], '^[^\n]+\n[01]%d+\n(.*)$')
    local place = id and redis.call('HGET', PLACES, id)
    if place and string.sub(place, -#strays[i]) == strays[i] then
      redis.call('ZADD', DUE, 0, strays[i])
    else
      redis.call('ZREM', DUE, strays[i])
    end
  end
  return #strays
end

-- What is behind the tab of a place; empty for what is not one.
local function member_of(place)
  local tab = place and string.find(place, '\t', 1, true)
  return tab and string.sub(place, tab + 1) or ''
end

-- The member without newline, time, newline and id.
local function queue_of(member, id)
  return string.sub(member, 1, #member - #id - 19)
end

local function due_in(queue, from, to, count)
  return redis.call('ZRANGEBYLEX', DUE, from or '[' .. queue .. '\n', '(' .. queue .. '\n' .. to, 'LIMIT', 0, count)
end

-- No time begins with a 2, so this is behind all of them.
local LAST = '2'

-- QUEUES follows what was done to DUE.
local function refresh(queues)
  for queue in pairs(queues) do
    local first = due_in(queue, nil, LAST, 1)[1]
    if first then
      redis.call('ZADD', QUEUES, time_of(string.sub(first, #queue + 2, #queue + 18)), queue)
    else
      redis.call('ZREM', QUEUES, queue)
    end
  end
end

-- Reads a list from ARGV that begins with its length: -1 for none. Returns it as a set, and where the next one begins.
local function read_set(at)
  local count = tonumber(ARGV[at])
  if count < 0 then
    return nil, at + 1
  end
  local set = {}
  for i = at + 1, at + count do
    set[ARGV[i]] = true
  end
  return set, at + count + 1
end

-- Reads from ARGV which queues are asked for: lists of readable codecs, of handlers, and of what is left out by each due
-- key.
-- Returns what tells of a queue whether it is asked for, whether it can be read, and its priority.
local function read_filter(at)
  local codecs, handlers, ${perDueKey(', ', (key) => `except_${key}`)}
  codecs, at = read_set(at)
  handlers, at = read_set(at)
  ${perDueKey('\n  ', (key) => `except_${key}, at = read_set(at)`)}
  return function(queue)
    local priority, codec, ${perDueKey(', ', (key) => `of_${key}`)}, handler =
      string.match(queue, '^(%S+) (%S+) ${perDueKey(' ', () => '(%S+)')} (.*)$')
    local left_out = ${perDueKey(' or ', (key) => `except_${key}[of_${key}]`)}
    local asked = (handlers == nil or handlers[handler]) and not left_out
    return asked, codecs[codec], tonumber(priority)
  end
end

-- Shows one queue after another, the earliest first, until 'visit' has seen enough.
local function each_queue(visit)
  for from = 0, 1000000, 100 do
    local queues = redis.call('ZRANGE', QUEUES, from, from + 99, 'WITHSCORES')
    for i = 1, #queues, 2 do
      if visit(queues[i], tonumber(queues[i + 1])) then
        return
      end
    end
    if #queues < 200 then
      return
    end
  end
end

-- Id, definition, state and place of each, one after another.
local function rows_by(ids)
  local definitions, states, places = texts_of(TASKS, ids), texts_of(STATES, ids), get_many(PLACES, ids)
  local rows = {}
  for i = 1, #ids do
    local n = #rows
    rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4] = ids[i], definitions[i], states[i], places[i]
  end
  return rows
end

-- For the members of one or several queues: those that have their tasks, as { id, member, place }, and id, definition,
-- state and place of each, one after another. A member without its task is a leftover and is removed.
local function rows_of(members, ids)
  local places = get_many(PLACES, ids)
  local definitions = texts_of(TASKS, ids)
  local states = texts_of(STATES, ids)
  local kept, rows, strays, touched = {}, {}, {}, {}
  for i = 1, #ids do
    local id, member, place = ids[i], members[i], places[i]
    if place and definitions[i] and member_of(place) == member then
      kept[#kept + 1] = { id, member, place }
      local n = #rows
      rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4] = id, definitions[i], states[i], place
    else
      strays[#strays + 1] = member
      touched[queue_of(member, id)] = true
    end
  end
  if #strays > 0 then
    call_many('ZREM', DUE, strays)
    refresh(touched)
  end
  return kept, rows
end
`;
