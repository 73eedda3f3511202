import { PEEK_FUNCTION } from './peek.lua.js';
import { PRELUDE } from './prelude.lua.js';

/**
 * Writes a batch of changes, each guarded on its own: all of an entry is written, or nothing of it.
 *
 * - `add`: when nothing is there.
 * - `set`: when the expected version is there, written by whom and in whose hand it was read.
 * - `drop`: the same, and the task goes.
 * - `move`: the same, and only its place changes: a reservation is given back, or a record that cannot be read put aside.
 * - `runs`: no task at all, only its runs.
 *
 * A client that lost its connection sends the script again and cannot know whether it had been carried out. The nonce in
 * the new place tells: a record that has it was written by this very call.
 *
 * ARGV: a JSON array of entries, each an array of texts: what, id, how its place must begin, expected version, definition (empty:
 * it stays), state, new place, next run time, and for each ended run its id, attempt, inverse end, task and text. Then, to
 * spare a claim one more round trip, the arguments of `peek`, or nothing.
 *
 * Returns the time; for each entry `ok`, `gone`, `exists` or the version that is there; and what is due next then.
 */
export const WRITE = String.raw`${PRELUDE}${PEEK_FUNCTION}
local entries, ids = cjson.decode(ARGV[1]), {}
local count = #entries
for i = 1, count do
  ids[i] = entries[i][2]
end

local outcome, runs = {}, {}
local definitions, states, places, out, into, run_times, gone, touched = {}, {}, {}, {}, {}, {}, {}, {}

local function move(old, member, id)
  if old == member then return end
  if old ~= '' then
    out[#out + 1] = old
    touched[queue_of(old, id)] = true
  end
  if member ~= '' then
    into[#into + 1] = 0
    into[#into + 1] = member
    touched[queue_of(member, id)] = true
  end
end

-- What is there is not what was expected. Returns what that means, or nil when it does not matter.
local function difference(entry, place)
  local what, id, expected, version, new = entry[1], entry[2], entry[3], entry[4], entry[7]
  if not place and redis.call('HEXISTS', TASKS, id) == 0 then
    if what == 'add' then return nil end
    local ran = what == 'drop' and entry[9] and redis.call('HEXISTS', RUNS, entry[9] .. '\n' .. entry[10]) == 1
    return ran and 'ok' or 'gone'
  end
  local there, nonce = string.match(place or '', '^(%d+) (%S+) ')
  if new ~= '' and what ~= 'move' and nonce and nonce == string.match(new, '^%d+ (%S+) ') then return 'ok' end
  if what == 'add' then return 'exists' end
  if version ~= '' and version ~= there then return there or '0' end
  if expected == '' then return nil end
  -- Somebody else has it in hand, or had, and has not written: the record is as it was.
  local unreserved = string.match(expected, '^(%d+ %S+ )%- $')
  if unreserved and string.sub(place or '', 1, #unreserved) == unreserved then return nil end
  return there or '0'
end

local stored = get_many(PLACES, ids)
for i = 1, count do
  local entry, id, place = entries[i], ids[i], stored[i]
  local what = entry[1]
  local problem = nil
  if what ~= 'runs' and (what == 'add' or not place or entry[3] == '' or string.sub(place, 1, #entry[3]) ~= entry[3]) then
    problem = difference(entry, place)
  end
  outcome[i] = problem or 'ok'
  if not problem then
    for run = 9, #entry, 5 do
      runs[#runs + 1] = { entry[run], entry[run + 1], entry[run + 2], entry[run + 3], entry[run + 4] }
    end
    local old = member_of(place)
    if what == 'drop' then
      gone[#gone + 1] = id
      move(old, '', id)
    elseif what ~= 'runs' then
      places[#places + 1] = id
      places[#places + 1] = entry[7]
      move(old, member_of(entry[7]), id)
    end
    if what == 'add' or what == 'set' then
      if entry[5] ~= '' then
        definitions[#definitions + 1] = id
        definitions[#definitions + 1] = entry[5]
      end
      states[#states + 1] = id
      states[#states + 1] = entry[6]
      run_times[#run_times + 1] = entry[8]
      run_times[#run_times + 1] = id
    end
  end
end

local function scored(members)
  local values = {}
  for member in pairs(members) do
    values[#values + 1] = 0
    values[#values + 1] = member
  end
  return values
end

local function pairs_of(map)
  local values = {}
  for key, value in pairs(map) do
    values[#values + 1] = key
    values[#values + 1] = value
  end
  return values
end

if #runs > 0 then
  local fields, run_ids = {}, {}
  for i = 1, #runs do
    fields[i], run_ids[i] = runs[i][1] .. '\n' .. runs[i][2], runs[i][1]
  end
  local older, attempts = get_many(RUNS, fields), get_many(ATTEMPTS, run_ids)
  local texts, lists, ends, by_task, counts = {}, {}, {}, {}, {}
  local old_ends, old_by_task = {}, {}
  for i = 1, #runs do
    local field, id, attempt, ended, task = fields[i], run_ids[i], runs[i][2], runs[i][3], runs[i][4]
    local before = texts[field] or older[i]
    if before then
      local old_end, old_task = string.match(before, '^([^\n]*)\n([^\n]*)\n')
      old_ends[#old_ends + 1] = old_end .. field
      old_by_task[#old_by_task + 1] = old_task .. old_end .. field
      ends[old_end .. field], by_task[old_task .. old_end .. field] = nil, nil
      counts[old_task] = (counts[old_task] or 0) - 1
    else
      local list = lists[id] or attempts[i]
      lists[id] = list and list .. ' ' .. attempt or attempt
    end
    counts[task] = (counts[task] or 0) + 1
    texts[field] = ended .. '\n' .. task .. '\n' .. runs[i][5]
    ends[ended .. field], by_task[task .. ended .. field] = true, true
  end
  call_many('ZREM', RUN_ENDS, old_ends)
  call_many('ZREM', TASK_RUNS, old_by_task)
  call_many('ZADD', RUN_ENDS, scored(ends))
  call_many('ZADD', TASK_RUNS, scored(by_task))
  call_many('HSET', RUNS, pairs_of(texts))
  call_many('HSET', ATTEMPTS, pairs_of(lists))
  for task, number in pairs(counts) do
    if number ~= 0 then redis.call('ZINCRBY', RUN_COUNTS, number, task) end
  end
end

call_many('HSET', TASKS, definitions)
call_many('HSET', STATES, states)
call_many('HSET', PLACES, places)
call_many('ZADD', RUN_TIMES, run_times)
call_many('HDEL', TASKS, gone)
call_many('HDEL', STATES, gone)
call_many('HDEL', PLACES, gone)
call_many('ZREM', RUN_TIMES, gone)
call_many('ZREM', DUE, out)
call_many('ZADD', DUE, into)
refresh(touched)
return { whole(now_ms()), outcome, ARGV[2] and peek(2) or false }
`;
