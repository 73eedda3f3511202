import { PRELUDE } from './prelude.lua.js';

/**
 * Writes a batch of changes, each guarded on its own: all of an entry is written, or nothing of it.
 *
 * - `add`: when nothing is there.
 * - `set`: when version, nonce and reservation are as expected; an empty one is not asked.
 * - `drop`: the same, and the task goes.
 * - `move`: the same, and only its place in the index changes: a reservation is given back, or a record parked.
 * - `runs`: no task at all, only its runs.
 *
 * A client that lost its connection sends the script again and cannot know whether it had been carried out. The nonce
 * tells: what has it was written by this very call.
 *
 * ARGV: the nonce, how many entries, the entries. An entry: what, id, version, nonce, reservation, definition (empty: it
 * stays), state, new version, columns, next run time, member, how many runs, the runs. A run: id, attempt, inverse end,
 * task, text.
 *
 * Returns the time, and for each entry `ok`, `gone`, `exists` or the version that is there.
 */
export const WRITE = String.raw`${PRELUDE}
local nonce, count = ARGV[1], tonumber(ARGV[2])
local entries, ids = {}, {}
local at = 3
for i = 1, count do
  entries[i], ids[i] = at, ARGV[at + 1]
  at = at + 12 + 5 * ARGV[at + 11]
end

local outcome = {}
local definitions, states, places, out, into, run_times, gone, touched = {}, {}, {}, {}, {}, {}, {}, {}
local runs = {}

local function keep_runs(first, number)
  for i = 0, number - 1 do
    local run = first + 5 * i
    runs[#runs + 1] = {
      id = ARGV[run], attempt = ARGV[run + 1], ended = ARGV[run + 2], task = ARGV[run + 3], text = ARGV[run + 4],
      field = ARGV[run] .. '\n' .. ARGV[run + 1],
    }
  end
end

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

local stored = get_many(PLACES, ids)
for i = 1, count do
  local e, id = entries[i], ids[i]
  local what, version, guard, token = ARGV[e], ARGV[e + 2], ARGV[e + 3], ARGV[e + 4]
  local place = parse_place(stored[i])
  local here = place ~= nil or stored[i] or redis.call('HEXISTS', TASKS, id) == 1
  place = place or { version = '0', nonce = '-', token = '-', columns = '0,0,0,-,-', member = '' }
  if what == 'runs' then
    outcome[i] = 'ok'
    keep_runs(e + 12, tonumber(ARGV[e + 11]))
  elseif here and place.nonce == nonce then
    outcome[i] = 'ok'
  elseif what == 'add' and here then
    outcome[i] = 'exists'
  elseif what ~= 'add' and not here then
    local first = e + 12
    local ran = tonumber(ARGV[e + 11]) > 0 and redis.call('HGET', RUNS, ARGV[first] .. '\n' .. ARGV[first + 1])
    outcome[i] = what == 'drop' and ran and 'ok' or 'gone'
  elseif what ~= 'add' and (
    (version ~= '' and place.version ~= version) or
    (guard ~= '' and place.nonce ~= guard) or
    (token ~= '' and place.token ~= token)
  ) then
    outcome[i] = place.version
  else
    outcome[i] = 'ok'
    local member = ARGV[e + 10]
    if what == 'drop' then
      gone[#gone + 1] = id
      move(place.member, '', id)
    elseif what == 'move' then
      move(place.member, member, id)
      places[#places + 1] = id
      places[#places + 1] = place_text(place.version, place.nonce, '-', place.columns, member)
    else
      if ARGV[e + 5] ~= '' then
        definitions[#definitions + 1] = id
        definitions[#definitions + 1] = ARGV[e + 5]
      end
      states[#states + 1] = id
      states[#states + 1] = ARGV[e + 6]
      places[#places + 1] = id
      places[#places + 1] = place_text(ARGV[e + 7], nonce, '-', ARGV[e + 8], member)
      run_times[#run_times + 1] = ARGV[e + 9]
      run_times[#run_times + 1] = id
      move(place.member, member, id)
    end
    keep_runs(e + 12, tonumber(ARGV[e + 11]))
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

if #runs > 0 then
  local fields, run_ids, added = {}, {}, {}
  for i, run in ipairs(runs) do
    fields[i], run_ids[i] = run.field, run.id
  end
  local older, attempts = get_many(RUNS, fields), get_many(ATTEMPTS, run_ids)
  local known, lists, texts, listed, ends, by_task = {}, {}, {}, {}, {}, {}
  local old_ends, old_by_task = {}, {}
  for i, run in ipairs(runs) do
    local ended, task = known[run.field] or older[i], nil
    if ended then
      ended, task = string.match(ended, '^([^\n]*)\n([^\n]*)\n')
      old_ends[#old_ends + 1] = ended .. run.field
      old_by_task[#old_by_task + 1] = task .. ended .. run.field
      ends[ended .. run.field], by_task[task .. ended .. run.field] = nil, nil
      added[task] = (added[task] or 0) - 1
    else
      local list = lists[run.id] or attempts[i]
      lists[run.id] = list and list .. ' ' .. run.attempt or run.attempt
    end
    added[run.task] = (added[run.task] or 0) + 1
    known[run.field] = run.ended .. '\n' .. run.task .. '\n' .. run.text
    ends[run.ended .. run.field], by_task[run.task .. run.ended .. run.field] = true, true
  end
  for field, text in pairs(known) do
    texts[#texts + 1] = field
    texts[#texts + 1] = text
  end
  for id, list in pairs(lists) do
    listed[#listed + 1] = id
    listed[#listed + 1] = list
  end
  call_many('ZREM', RUN_ENDS, old_ends)
  call_many('ZREM', TASK_RUNS, old_by_task)
  call_many('ZADD', RUN_ENDS, scored(ends))
  call_many('ZADD', TASK_RUNS, scored(by_task))
  call_many('HSET', RUNS, texts)
  call_many('HSET', ATTEMPTS, listed)
  for task, number in pairs(added) do
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
return { whole(now_ms()), outcome }
`;
