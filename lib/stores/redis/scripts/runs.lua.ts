import { OTHERS } from '../redis.records.js';

/**
 * Ended runs as RUNS has them. Most tasks have one run, and most runs one attempt, so a run is one field as long as it is the
 * only one of its task, and no further index of it is written:
 *
 * - `length:task`: the only run of a task, where its id begins with that of the task; empty for a task with several. A task
 *   without this field has none.
 * - `:length:run`, and `:length:run`, newline, `attempt/token` for its further attempts: those of tasks with several runs.
 *
 * A value is `end attempt/token length length`, newline, task, run, newline, columns, newline, outcome.
 */
export const RUNS_FUNCTIONS = String.raw`
local function counted(text)
  return #text .. ':' .. text
end

-- Parts of a stored run: end, attempt/token, task, run, and where its columns begin; nil for what is none.
local function run_parts(text)
  local ended, attempt, of_task, of_run, at = string.match(text, '^(%S+) (%S+) (%d+) (%d+)\n()')
  if not ended then
    return nil
  end
  local behind_task = at + tonumber(of_task)
  local behind = behind_task + tonumber(of_run)
  return ended, attempt, string.sub(text, at, behind_task - 1), string.sub(text, behind_task, behind - 1), behind + 1
end

local function count_run(task, ended, number)
  local counts = string.sub(ended, 1, 1) == '${OTHERS}' and { RUN_COUNTS, OTHER_COUNTS } or { RUN_COUNTS }
  for _, key in ipairs(counts) do
    if tonumber(redis.call('ZINCRBY', key, number, counted(task))) <= 0 then
      redis.call('ZREM', key, counted(task))
      -- The last one of a task goes.
      if key == RUN_COUNTS and redis.call('HGET', RUNS, counted(task)) == '' then
        redis.call('HDEL', RUNS, counted(task))
      end
    end
  end
end

local function unindex_run(ended, attempt, task, run)
  redis.call('ZREM', RUN_ENDS, ended .. run .. '\n' .. attempt)
  redis.call('ZREM', TASK_RUNS, counted(task) .. ended .. run .. '\n' .. attempt)
  count_run(task, ended, -1)
end

-- Writes a run of a task with several.
local function save_one_of_several(ended, attempt, task, run, text)
  local field = ':' .. counted(run)
  local old = redis.call('HGET', RUNS, field)
  if old and string.match(old, '^%S+ (%S+) ') ~= attempt then
    field = field .. '\n' .. attempt
    old = redis.call('HGET', RUNS, field)
    if not old then
      local further = redis.call('HGET', ATTEMPTS, run)
      redis.call('HSET', ATTEMPTS, run, further and further .. ' ' .. attempt or attempt)
    end
  end
  redis.call('HSET', RUNS, field, text)
  redis.call('ZADD', RUN_ENDS, 0, ended .. run .. '\n' .. attempt)
  redis.call('ZADD', TASK_RUNS, 0, counted(task) .. ended .. run .. '\n' .. attempt)
  count_run(task, ended, 1)
  if old then
    local old_end, old_attempt, old_task, old_run = run_parts(old)
    if old_end == ended and old_task == task then
      count_run(task, ended, -1)
    elseif old_end then
      unindex_run(old_end, old_attempt, old_task, old_run)
    end
  end
end

local function save_further_run(ended, attempt, task, run, text)
  local only = redis.call('HGET', RUNS, counted(task))
  if only and only ~= '' then
    local old_end, old_attempt, old_task, old_run = run_parts(only)
    if old_run == run and old_attempt == attempt then
      redis.call('HSET', RUNS, counted(task), text)
      if old_end ~= ended then
        redis.call('ZREM', RUN_ENDS, old_end .. run .. '\n' .. attempt)
        redis.call('ZADD', RUN_ENDS, 0, ended .. run .. '\n' .. attempt)
      end
      return
    end
    redis.call('HSET', RUNS, counted(task), '')
    if old_end then
      save_one_of_several(old_end, old_attempt, old_task, old_run, only)
    end
  elseif not only then
    redis.call('HSET', RUNS, counted(task), '')
  end
  save_one_of_several(ended, attempt, task, run, text)
end

-- Writes ended runs: lists of their ends, attempt/token texts, tasks, ids, and whole texts.
local function save_runs(ends, attempts, tasks, runs, texts)
  local keys = {}
  for i = 1, #runs do
    keys[i] = counted(tasks[i])
  end
  local known, fields, by_end, further = get_many(RUNS, keys), {}, {}, {}
  local is_here = {}
  for i = 1, #runs do
    local ended, attempt, task, run = ends[i], attempts[i], tasks[i], runs[i]
    local is_of_task = string.sub(run, 1, #task + 1) == task .. '@' and not string.find(run, '@', #task + 2, true)
    if not known[i] and is_of_task and not is_here[task] then
      is_here[task] = true
      local n = #fields
      fields[n + 1], fields[n + 2] = keys[i], texts[i]
      by_end[n + 1], by_end[n + 2] = 0, ended .. run .. '\n' .. attempt
    else
      further[#further + 1] = { ended, attempt, task, run, texts[i] }
    end
  end
  call_many('HSET', RUNS, fields)
  call_many('ZADD', RUN_ENDS, by_end)
  for i = 1, #further do
    save_further_run(unpack(further[i]))
  end
end

-- The field of a run, and what it holds: '!' and its length where that is too long. nil when there is none.
local function find_run(run, attempt)
  local task = string.match(run, '^(.*)@[^@]*$')
  local fields = { ':' .. counted(run), ':' .. counted(run) .. '\n' .. attempt, task and counted(task) }
  for i = 1, #fields do
    local text = texts_of(RUNS, { fields[i] })[1]
    local head = text and (string.sub(text, 1, 1) == '!' and redis.call('HGET', RUNS, fields[i]) or text)
    if head and head ~= '' then
      local ended, of_attempt, of_task, of_run, at = run_parts(head)
      if of_run == run and of_attempt == attempt then
        return fields[i], ended, of_task, head, at, text
      end
    end
  end
end

-- Columns and outcome of a run. Of one that is too large the columns are given, and its length behind '!'.
local function run_body(head, at, text)
  if text == head then
    return string.sub(text, at)
  end
  local behind = string.find(head, '\n', at, true)
  return behind and behind - at < MAX_BYTES and string.sub(head, at, behind) .. text or '!'
end
`;
