import { OTHERS } from '../redis.records.js';

/**
 * Ended runs as RUNS has them. Most tasks have one run, and most runs one attempt, so a run is one field as long as it is the
 * only one of its task, and no further index of it is written:
 *
 * - `length:task`: the only run of a task, where its id begins with that of the task; empty for a task with several. A task
 *   without this field has none.
 * - `:length:run`, and `:length:run`, newline, `attempt/token` for its further attempts: those of tasks with several runs.
 *
 * A value is `length length`, newline, rank and task, newline, columns, newline, outcome. The rank of a run is its member of
 * RUN_ENDS: end, id, newline, attempt/token.
 */
export const RUNS_FUNCTIONS = String.raw`
local function counted(text)
  return #text .. ':' .. text
end

-- End, id and attempt/token of a run, by its rank.
local function rank_parts(rank)
  local run, attempt = string.match(rank, '^(.*)\n([^\n]*)$', 19)
  return string.sub(rank, 1, 18), run, attempt
end

-- Place and task of a stored run, and where its columns begin; nil for what is none.
local function run_parts(text)
  local of_rank, of_task, at = string.match(text, '^(%d+) (%d+)\n()')
  if not of_rank then
    return nil
  end
  local behind_rank = at + tonumber(of_rank)
  local behind = behind_rank + tonumber(of_task)
  return string.sub(text, at, behind_rank - 1), string.sub(text, behind_rank, behind - 1), behind + 1
end

local function count_run(task, rank, number)
  local counts = string.sub(rank, 1, 1) == '${OTHERS}' and { RUN_COUNTS, OTHER_COUNTS } or { RUN_COUNTS }
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

local function unindex_run(rank, task)
  redis.call('ZREM', RUN_ENDS, rank)
  redis.call('ZREM', TASK_RUNS, counted(task) .. rank)
  count_run(task, rank, -1)
end

-- Writes a run of a task with several.
local function save_one_of_several(rank, task, text)
  local _, run, attempt = rank_parts(rank)
  local field = ':' .. counted(run)
  local old = redis.call('HGET', RUNS, field)
  local old_rank, old_task
  if old then
    old_rank, old_task = run_parts(old)
  end
  if old_rank and select(3, rank_parts(old_rank)) ~= attempt then
    field = field .. '\n' .. attempt
    old = redis.call('HGET', RUNS, field)
    old_rank = nil
    if old then
      old_rank, old_task = run_parts(old)
    else
      local further = redis.call('HGET', ATTEMPTS, run)
      redis.call('HSET', ATTEMPTS, run, further and further .. ' ' .. attempt or attempt)
    end
  end
  redis.call('HSET', RUNS, field, text)
  redis.call('ZADD', RUN_ENDS, 0, rank)
  redis.call('ZADD', TASK_RUNS, 0, counted(task) .. rank)
  count_run(task, rank, 1)
  if old_rank == rank and old_task == task then
    count_run(task, rank, -1)
  elseif old_rank then
    unindex_run(old_rank, old_task)
  end
end

local function save_further_run(rank, task, text)
  local only = redis.call('HGET', RUNS, counted(task))
  local old_rank, old_task
  if only and only ~= '' then
    old_rank, old_task = run_parts(only)
  end
  if old_rank then
    local _, run, attempt = rank_parts(rank)
    local _, old_run, old_attempt = rank_parts(old_rank)
    if old_run == run and old_attempt == attempt then
      redis.call('HSET', RUNS, counted(task), text)
      if old_rank ~= rank then
        redis.call('ZREM', RUN_ENDS, old_rank)
        redis.call('ZADD', RUN_ENDS, 0, rank)
      end
      return
    end
    redis.call('HSET', RUNS, counted(task), '')
    save_one_of_several(old_rank, old_task, only)
  elseif only ~= '' then
    redis.call('HSET', RUNS, counted(task), '')
  end
  save_one_of_several(rank, task, text)
end

-- Counts one run more of each task. No task is twice among them.
local function count_all(key, tasks)
  for from = 1, #tasks, 1000 do
    local last, counts = math.min(from + 999, #tasks), {}
    local known = redis.call('ZMSCORE', key, unpack(tasks, from, last))
    for i = from, last do
      counts[#counts + 1] = (tonumber(known[i - from + 1] or 0)) + 1
      counts[#counts + 1] = tasks[i]
    end
    redis.call('ZADD', key, unpack(counts))
  end
end

-- Writes ended runs: lists of their ranks, tasks, and columns with outcome, and whether each may be the only one of its task. The first
-- and the next one of a task in a batch go with all others; what else there is goes one by one.
local function save_runs(ranks, tasks, bodies, may_be_only)
  local keys, texts = {}, {}
  for i = 1, #ranks do
    keys[i] = counted(tasks[i])
    texts[i] = #ranks[i] .. ' ' .. #tasks[i] .. '\n' .. ranks[i] .. tasks[i] .. '\n' .. bodies[i]
  end
  local known, is_here, fields, by_end, next_ones, further = get_many(RUNS, keys), {}, {}, {}, {}, {}
  for i = 1, #ranks do
    local key, n = keys[i], #fields
    if is_here[key] then
      further[#further + 1] = i
    elseif not known[i] and may_be_only[i] == 1 then
      is_here[key] = true
      fields[n + 1], fields[n + 2] = key, texts[i]
      by_end[n + 1], by_end[n + 2] = 0, ranks[i]
    elseif known[i] == '' then
      is_here[key] = true
      next_ones[#next_ones + 1] = i
    else
      further[#further + 1] = i
    end
  end

  local run_fields, by_task, counts, other_counts = {}, {}, {}, {}
  for at, i in ipairs(next_ones) do
    local _, run = rank_parts(ranks[i])
    run_fields[at] = ':' .. counted(run)
  end
  local older = get_many(RUNS, run_fields)
  for at, i in ipairs(next_ones) do
    if older[at] then
      further[#further + 1] = i
    else
      local rank, n, m = ranks[i], #fields, #by_task
      fields[n + 1], fields[n + 2] = run_fields[at], texts[i]
      by_end[n + 1], by_end[n + 2] = 0, rank
      by_task[m + 1], by_task[m + 2] = 0, keys[i] .. rank
      counts[#counts + 1] = keys[i]
      if string.sub(rank, 1, 1) == '${OTHERS}' then other_counts[#other_counts + 1] = keys[i] end
    end
  end
  call_many('HSET', RUNS, fields)
  call_many('ZADD', RUN_ENDS, by_end)
  call_many('ZADD', TASK_RUNS, by_task)
  count_all(RUN_COUNTS, counts)
  count_all(OTHER_COUNTS, other_counts)
  for _, i in ipairs(further) do
    save_further_run(ranks[i], tasks[i], texts[i])
  end
end

-- A field of RUNS, if it holds a run: its rank and its task, where its columns begin, all of it, and what is read of it: '!' and
-- its length where that is too long.
local function run_in(field)
  local text = texts_of(RUNS, { field })[1]
  local all = text and (string.sub(text, 1, 1) == '!' and redis.call('HGET', RUNS, field) or text)
  if all then
    local rank, task, at = run_parts(all)
    if rank then
      return rank, task, at, all, text
    end
  end
end

-- The field of a run, and its task.
local function find_run(rank)
  local _, run, attempt = rank_parts(rank)
  local task = string.match(run, '^(.*)@[^@]*$')
  local fields = { ':' .. counted(run), ':' .. counted(run) .. '\n' .. attempt, task and counted(task) }
  for i = 1, #fields do
    local found, of_task = run_in(fields[i])
    if found == rank then
      return fields[i], of_task
    end
  end
end

-- Task, id and attempt/token of a run, and its columns and outcome. Of one that is too large the columns are given, and its
-- length behind '!'.
local function add_run(runs, rank, task, at, all, text)
  local _, run, attempt = rank_parts(rank)
  local body = string.sub(text, at)
  if text ~= all then
    local behind = string.find(all, '\n', at, true)
    body = behind and behind - at < MAX_BYTES and string.sub(all, at, behind) .. text or '!'
  end
  local n = #runs
  runs[n + 1], runs[n + 2], runs[n + 3], runs[n + 4] = task, run, attempt, body
end
`;
