import { OTHERS, START_PREFIXES } from '../redis.records.js';
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
 * ARGV: the entries as a JSON array; how many texts follow, and the texts, which would only be slowed down by JSON; and, to
 * spare a claim one more round trip, the arguments of `peek`, or nothing. An entry: what, id, how its place must begin,
 * expected version, the number of the definition's text (0: it stays), the number of the state's text, new place, score in
 * RUN_TIMES, with a definition its member of START_TASKS, and for each ended run its id, attempt, end, task and the
 * number of its text.
 *
 * Returns the time; for each entry `ok`, `gone`, `exists` or the version that is there; and what is due next then.
 */
export const WRITE = String.raw`${PRELUDE}${PEEK_FUNCTION}
local strays = mend_due()
local entries, ids = cjson.decode(ARGV[1]), {}
local count, text_count = #entries, tonumber(ARGV[2])
for i = 1, count do
  ids[i] = entries[i][2]
end

local function text(number)
  return ARGV[2 + number]
end

local outcome, runs = {}, {}
local definitions, states, places, out, into, run_times, gone, touched = {}, {}, {}, {}, {}, {}, {}, {}
local start_out, start_in = {}, {}

local function forget_start(id)
  local n = #start_out
  ${START_PREFIXES.map((prefix, at) => `start_out[n + ${at + 1}] = '${prefix}\\n' .. id`).join('\n  ')}
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

-- What is there is not what was expected. Returns what that means, or nil when it does not matter.
local function difference(entry, place)
  local what, id, expected, version, new = entry[1], entry[2], entry[3], entry[4], entry[7]
  if not place and redis.call('HEXISTS', TASKS, id) == 0 then
    if what == 'add' then return nil end
    local ran = what == 'drop' and entry[10] and redis.call('HEXISTS', RUNS, entry[10] .. '\n' .. entry[11]) == 1
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
    if #entry > 9 then
      runs[#runs + 1] = entry
    end
    local old = member_of(place)
    if what == 'drop' then
      gone[#gone + 1] = id
      forget_start(id)
      move(old, '', id)
    elseif what ~= 'runs' then
      places[#places + 1] = id
      places[#places + 1] = entry[7]
      move(old, member_of(entry[7]), id)
    end
    if what == 'add' or what == 'set' then
      if entry[5] > 0 then
        definitions[#definitions + 1] = id
        definitions[#definitions + 1] = text(entry[5])
        if what == 'set' then forget_start(id) end
        if entry[9] ~= '' then
          start_in[#start_in + 1] = 0
          start_in[#start_in + 1] = entry[9]
        end
      end
      states[#states + 1] = id
      states[#states + 1] = text(entry[6])
      run_times[#run_times + 1] = entry[8]
      run_times[#run_times + 1] = id
    end
  end
end

-- Counts that went down to nothing go.
local function count_runs(key, added)
  local names, counts, fewer = {}, {}, false
  for task, number in pairs(added) do
    if number ~= 0 then names[#names + 1] = task end
    fewer = fewer or number < 0
  end
  for from = 1, #names, 1000 do
    local known = redis.call('ZMSCORE', key, unpack(names, from, math.min(from + 999, #names)))
    for i = 1, #known do
      local task = names[from + i - 1]
      counts[#counts + 1] = (known[i] or 0) + added[task]
      counts[#counts + 1] = task
    end
  end
  call_many('ZADD', key, counts)
  if fewer then redis.call('ZREMRANGEBYSCORE', key, '-inf', 0) end
end

if #runs > 0 then
  local fields, run_ids, attempts, ends, tasks, texts = {}, {}, {}, {}, {}, {}
  for _, entry in ipairs(runs) do
    for at = 10, #entry, 5 do
      local n = #fields + 1
      run_ids[n], attempts[n], ends[n], tasks[n] = entry[at], entry[at + 1], entry[at + 2], entry[at + 3]
      fields[n] = entry[at] .. '\n' .. entry[at + 1]
      texts[n] = entry[at + 2] .. '\n' .. entry[at + 3] .. '\n' .. text(entry[at + 4])
    end
  end
  local older, older_lists = get_many(RUNS, fields), get_many(ATTEMPTS, run_ids)
  local by_field, lists, by_end, by_task, out_of_ends, out_of_tasks = {}, {}, {}, {}, {}, {}
  local added, others_added, list_of, text_of = {}, {}, {}, {}
  local function add(ended, task, number)
    added[task] = (added[task] or 0) + number
    if string.sub(ended, 1, 1) == '${OTHERS}' then others_added[task] = (others_added[task] or 0) + number end
  end
  for n = 1, #fields do
    local field, id, ended, task = fields[n], run_ids[n], ends[n], tasks[n]
    local before = text_of[field] or older[n]
    text_of[field] = texts[n]
    if before then
      local old_end, old_task = string.match(before, '^([^\n]*)\n([^\n]*)\n')
      add(old_end, old_task, -1)
      if old_end ~= ended then out_of_ends[#out_of_ends + 1] = old_end .. field end
      if old_end ~= ended or old_task ~= task then out_of_tasks[#out_of_tasks + 1] = old_task .. old_end .. field end
    else
      local list = list_of[id] or older_lists[n]
      list_of[id] = list and list .. ' ' .. attempts[n] or attempts[n]
      lists[#lists + 1] = id
      lists[#lists + 1] = list_of[id]
    end
    add(ended, task, 1)
    by_field[2 * n - 1], by_field[2 * n] = field, texts[n]
    by_end[2 * n - 1], by_end[2 * n] = 0, ended .. field
    by_task[2 * n - 1], by_task[2 * n] = 0, task .. by_end[2 * n]
  end
  call_many('HSET', RUNS, by_field)
  call_many('HSET', ATTEMPTS, lists)
  call_many('ZADD', RUN_ENDS, by_end)
  call_many('ZADD', TASK_RUNS, by_task)
  -- After the new ones: what is replaced within this batch has just been written.
  call_many('ZREM', RUN_ENDS, out_of_ends)
  call_many('ZREM', TASK_RUNS, out_of_tasks)
  count_runs(RUN_COUNTS, added)
  count_runs(OTHER_COUNTS, others_added)
end

call_many('HSET', TASKS, definitions)
call_many('HSET', STATES, states)
call_many('HSET', PLACES, places)
call_many('ZADD', RUN_TIMES, run_times)
call_many('HDEL', TASKS, gone)
call_many('HDEL', STATES, gone)
call_many('HDEL', PLACES, gone)
call_many('ZREM', RUN_TIMES, gone)
call_many('ZREM', START_TASKS, start_out)
call_many('ZADD', START_TASKS, start_in)
call_many('ZREM', DUE, out)
call_many('ZADD', DUE, into)
refresh(touched)
return { whole(now_ms()), outcome, #ARGV > 3 + text_count and peek(3 + text_count) or false, strays }
`;
