import { DUE_KEY_NAMES } from '../../../model/due-keys.js';
import type { DueKey } from '../../../model/due-keys.js';
import { PARKED_QUEUE } from '../redis.place.js';

/** Lua for each due key, in their order. Written out, because a loop would cost a table for each queue. */
const perDueKey = (separator: string, lua: (key: DueKey, at: number) => string) =>
  DUE_KEY_NAMES.map(lua).join(separator);

/** How many texts are read between two looks at their lengths. */
const SLICE = 32;

/**
 * What all scripts share. Every key of the store is declared to every script, in one order:
 *
 * | key | what |
 * | --- | --- |
 * | TASKS | hash: id -> clear columns of the definition, newline, its envelope |
 * | STATES | hash: id -> head (`version token nonce attempt columns`, tab, `time queue`), newline, schedule state: see `redis.place.ts` |
 * | TAKEN | hash: id -> what has been written of the task since, while a claimer has it: see below |
 * | BATCHES | hash: for each batch of tasks of a queue that were taken together: its ids, `:n` how many are left, `:e` its entry in DUE |
 * | LEASES | sorted set: batch -> when its tasks are due again |
 * | DUE | sorted set, all scores 0, so that it is ordered by member: `queue`, newline, time as text, newline, id |
 * | QUEUES | sorted set: queue (`priority codec`, the values of the due keys, `handler`) -> the earliest time in it |
 * | RUN_TIMES | sorted set: id -> next run time, infinite for none, minus infinite for internal records |
 * | RUNS | hash: ended runs: see `runs.lua.ts` |
 * | RUN_ENDS | sorted set by member: end, run id, newline, attempt/token |
 * | TASK_RUNS | sorted set by member: the same behind the task, for tasks with several runs |
 * | ATTEMPTS | hash: run id -> the attempt/token texts of its further attempts |
 * | RUN_COUNTS | sorted set: task -> how many runs it has, for tasks with several |
 * | OTHER_COUNTS | sorted set: task -> how many of them neither failed nor were lost |
 * | SCHEDULERS | hash: identity -> time of the heartbeat, newline, JSON |
 * | START_TASKS | sorted set by member: what a start looks for: see `startMember` in `redis.records.ts` |
 * | JOURNAL, JOURNAL_INDEX | hash, sorted set by member: see `journal.lua.ts` |
 *
 * One queue for each handler, priority, combination of due keys and way of writing: what this process cannot run or read, or
 * is to leave out by a due key, is passed over as a whole. The end of a run is its kind (see `kindOf`) and its inverse end.
 *
 * A task that a claimer takes leaves DUE; the batch that it is taken with has one entry there: `queue`, newline, time, tab, batch. TAKEN has then
 * `version token batch flag attempt at until owner`: `b` for a lease, with what it makes of version and token; `r` for a
 * reservation, which changes neither (attempt 0: there is no lease). When the batch is over, a lease that nobody has ended
 * becomes `x`, and its task is in DUE again.
 *
 * The last argument of every script is the largest text that is read, in bytes.
 *
 * Lua computes a hash over each byte of each text that it is given or makes, which costs more than all else: so long texts are
 * arguments of their own, and answers are the tables that a call gave.
 */
export const PRELUDE = String.raw`
local TASKS, STATES, TAKEN, BATCHES, LEASES, DUE, QUEUES, RUN_TIMES, RUNS, RUN_ENDS, TASK_RUNS, ATTEMPTS, RUN_COUNTS,
  OTHER_COUNTS, SCHEDULERS, START_TASKS, JOURNAL, JOURNAL_INDEX = unpack(KEYS)
local MAX_BYTES = tonumber(ARGV[#ARGV])

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- A call takes no more than some 8,000 values from Lua's stack, so the lists go in slices.
local function call_many(command, key, values)
  for at = 1, #values, 2000 do
    redis.call(command, key, unpack(values, at, math.min(at + 1999, #values)))
  end
end

local function get_many(key, fields)
  if #fields <= 2000 then
    return #fields > 0 and redis.call('HMGET', key, unpack(fields)) or {}
  end
  local found = {}
  for at = 1, #fields, 2000 do
    local last = math.min(at + 1999, #fields)
    local slice = redis.call('HMGET', key, unpack(fields, at, last))
    for i = 1, last - at + 1 do
      found[at + i - 1] = slice[i]
    end
  end
  return found
end

-- The same for texts of any length. Of one that is too long only '!' and its length are given. To ask for each length
-- first would take as long as all else, so Redis may have some of these in hand at a time.
local function texts_of(key, fields)
  local found = {}
  for from = 1, #fields, ${SLICE} do
    local last = math.min(from + ${SLICE - 1}, #fields)
    local some = redis.call('HMGET', key, unpack(fields, from, last))
    for i = 1, last - from + 1 do
      local text = some[i]
      found[from + i - 1] = text and #text > MAX_BYTES and '!' .. whole(#text) or text
    end
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

-- Time and queue of a task by its state: the time is '-' for a task that is never due, nil for a state that is none.
local function place_of(state)
  return string.match(state or '', '^%d+ %d+ %S+ %d+ %S+\t(%S+) ([^\n]*)\n')
end

-- What stands behind the time in the entry of a batch, where that of a task has a newline.
local TAB = 9

local function member(queue, time, id)
  return queue .. '\n' .. time .. '\n' .. id
end

-- Whether a task is in the index at a time, by its state and by what TAKEN has of it; nil for a state that is none.
local function is_due_at(time, queue, state, taken)
  if taken then
    local lease_end = string.match(taken, '^%d+ %d+ %S+ x %d+ %S+ (%S+)')
    return lease_end ~= nil and time_text(tonumber(lease_end)) == time
  end
  local own_time, own_queue = place_of(state)
  if own_time then
    return own_time == time and own_queue == queue
  end
end

-- Where a record waits that could not be read: in the queue of a codec that no process asks for.
local PARKED = '${PARKED_QUEUE}'

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

-- All members of DUE have the score 0, or it would not be ordered by them, and no queue would have a beginning: what
-- somebody added with another one would hide all others. A member of a task is put right, and anything else goes.
-- Returns how many there were.
local function mend_due()
  local below, above = redis.call('ZCOUNT', DUE, '-inf', '(0'), redis.call('ZCOUNT', DUE, '(0', '+inf')
  if below + above == 0 then
    return 0
  end
  local strays = redis.call('ZRANGEBYSCORE', DUE, '-inf', '(0', 'LIMIT', 0, 500)
  for _, stray in ipairs(redis.call('ZRANGEBYSCORE', DUE, '(0', '+inf', 'LIMIT', 0, 500)) do
    strays[#strays + 1] = stray
  end
  for i = 1, #strays do
    local id = string.match(strays[i], '^[^\n]+\n[01]%d+\n(.*)$')
    local time, queue = place_of(id and redis.call('HGET', STATES, id))
    if time and member(queue, time, id) == strays[i] and redis.call('HEXISTS', TAKEN, id) == 0 then
      redis.call('ZADD', DUE, 0, strays[i])
    else
      redis.call('ZREM', DUE, strays[i])
    end
  end
  return #strays
end

local function set_of(list)
  local set = {}
  for i = 1, #list do
    set[list[i]] = true
  end
  return set
end

-- Which queues are asked for: readable codecs, handlers (false for all) but for some, and what is left out by each due key.
-- Returns what tells of a queue whether it is asked for, whether it can be read, and its priority.
local function filter_of(request)
  local codecs, handlers = set_of(request.codecs), request.handlers and set_of(request.handlers)
  local not_handlers = set_of(request.notHandlers)
  local ${perDueKey(', ', (key) => `except_${key}`)} = ${perDueKey(', ', (_, at) => `set_of(request.except[${at + 1}])`)}
  return function(queue)
    local priority, codec, ${perDueKey(', ', (key) => `of_${key}`)}, handler =
      string.match(queue, '^(%S+) (%S+) ${perDueKey(' ', () => '(%S+)')} (.*)$')
    local left_out = ${perDueKey(' or ', (key) => `except_${key}[of_${key}]`)}
    local asked = (not handlers or handlers[handler]) and not not_handlers[handler] and not left_out
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

-- Lists of ids, and of the definition, the state and what TAKEN has of each.
local function rows_by(ids)
  return { ids, texts_of(TASKS, ids), texts_of(STATES, ids), get_many(TAKEN, ids) }
end
`;
