import { FAILED, OTHERS } from '../redis.records.js';
import { PRELUDE } from './prelude.lua.js';
import { RUNS_FUNCTIONS } from './runs.lua.js';

/**
 * What is in an index of ended runs, merged from ranges of one kind each, by inverse ends. The bounds of a range are those
 * of ZRANGEBYLEX, without task and kind. What is returned is without the task.
 */
const MERGED_RANGES = String.raw`
local function is_within(text, min, max)
  local low, high = string.sub(min, 2), string.sub(max, 2)
  local from = text_before(low, text) or string.sub(min, 1, 1) == '[' and low == text
  return from and (text_before(text, high) or string.sub(max, 1, 1) == '[' and high == text)
end

-- 'task' is nil for all.
local function merged_ranges(task, ranges, count, oldest_first)
  local index, prefix, lists, heads = RUN_ENDS, '', {}, {}
  local only = task and run_in(counted(task))
  if task then
    index, prefix = TASK_RUNS, counted(task)
  end
  for i = 1, #ranges do
    local kind, min, max = unpack(ranges[i])
    if only then
      lists[i] = string.sub(only, 1, 1) == kind and is_within(string.sub(only, 2), min, max) and { prefix .. only } or {}
    else
      min = string.sub(min, 1, 1) .. prefix .. kind .. string.sub(min, 2)
      max = string.sub(max, 1, 1) .. prefix .. kind .. string.sub(max, 2)
      lists[i] = oldest_first and redis.call('ZREVRANGEBYLEX', index, max, min, 'LIMIT', 0, count)
        or redis.call('ZRANGEBYLEX', index, min, max, 'LIMIT', 0, count)
    end
    heads[i] = 1
  end
  local found = {}
  while #found < count do
    local from, first
    for i = 1, #lists do
      local entry = lists[i][heads[i]]
      local rest = entry and string.sub(entry, #prefix + 2)
      if rest and (first == nil or text_before(rest, first) ~= oldest_first) then
        from, first = i, rest
      end
    end
    if from == nil then
      break
    end
    found[#found + 1] = string.sub(lists[from][heads[from]], #prefix + 1)
    heads[from] = heads[from] + 1
  end
  return found
end
`;

/**
 * Ended runs, the latest first.
 *
 * ARGV: the task behind `=` (empty for all), the kinds, the bounds, how many.
 * Returns how many were found, the last inverse end, run and attempt (empty when there is none), and of each run its task, id,
 * attempt/token, and columns and outcome.
 */
export const RUN_PAGE = String.raw`${PRELUDE}${RUNS_FUNCTIONS}${MERGED_RANGES}
local ranges, runs = {}, {}
for kind in string.gmatch(ARGV[2], '.') do
  ranges[#ranges + 1] = { kind, ARGV[3], ARGV[4] }
end
local members = merged_ranges(string.match(ARGV[1], '^=(.*)$'), ranges, tonumber(ARGV[5]), false)
for i = 1, #members do
  local field = find_run(members[i])
  if field then
    add_run(runs, run_in(field))
  end
end
return { #members, string.sub(members[#members] or '', 2), runs }
`;

/** ARGV: the id of a run. Returns its ended attempts, in the order of writing, as {@link RUN_PAGE} does. */
export const RUN_ATTEMPTS = String.raw`${PRELUDE}${RUNS_FUNCTIONS}
local run, runs = ARGV[1], {}
local task = string.match(run, '^(.*)@[^@]*$')
local fields = { ':' .. counted(run) }
if task then
  fields[2] = counted(task)
end
for attempt in string.gmatch(redis.call('HGET', ATTEMPTS, run) or '', '%S+') do
  fields[#fields + 1] = ':' .. counted(run) .. '\n' .. attempt
end
for i = 1, #fields do
  local rank = run_in(fields[i])
  if rank and select(2, rank_parts(rank)) == run then
    add_run(runs, run_in(fields[i]))
  end
end
return runs
`;

/**
 * Removes ended runs, the oldest first.
 *
 * ARGV: how many at the most; `ended` and the bounds of those that failed or were lost, and of the others (empty for none);
 * or `count`, of which runs (`all`, or `others` than those that failed or were lost), and how many of them each task keeps, one
 * at least.
 * Returns how many were removed.
 */
export const PRUNE = String.raw`${PRELUDE}${RUNS_FUNCTIONS}${MERGED_RANGES}
local limit, members, ranges = tonumber(ARGV[1]), {}, {}
local failed, others = '${FAILED}', '${OTHERS}'

if ARGV[2] == 'ended' then
  if ARGV[3] ~= '' then ranges[1] = { failed, ARGV[3], '(2' } end
  if ARGV[4] ~= '' then ranges[#ranges + 1] = { others, ARGV[4], '(2' } end
  members = merged_ranges(nil, ranges, limit, true)
else
  -- A task with one run is in no count.
  local counted_runs, keep = RUN_COUNTS, tonumber(ARGV[4])
  ranges[1] = { others, '[', '(2' }
  if ARGV[3] == 'all' then
    ranges[2] = { failed, '[', '(2' }
  else
    counted_runs = OTHER_COUNTS
  end
  local counts = redis.call('ZREVRANGEBYSCORE', counted_runs, '+inf', '(' .. keep, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #counts, 2 do
    local task, excess = string.match(counts[i], '^%d+:(.*)$'), math.min(counts[i + 1] - keep, limit - #members)
    if excess > 0 then
      local of_task = merged_ranges(task, ranges, excess, true)
      for j = 1, #of_task do
        members[#members + 1] = of_task[j]
      end
      -- A count that is wrong would be found again and again.
      if #of_task < excess then
        redis.call('ZADD', counted_runs, keep, counts[i])
      end
    end
  end
end

for i = 1, #members do
  local field, task = find_run(members[i])
  redis.call('ZREM', RUN_ENDS, members[i])
  if field then
    redis.call('HDEL', RUNS, field)
    if string.sub(field, 1, 1) == ':' then
      local _, run, attempt = rank_parts(members[i])
      unindex_run(members[i], task)
      local further = redis.call('HGET', ATTEMPTS, run)
      if further then
        local rest = {}
        for each in string.gmatch(further, '%S+') do
          if each ~= attempt then
            rest[#rest + 1] = each
          end
        end
        if #rest > 0 then
          redis.call('HSET', ATTEMPTS, run, table.concat(rest, ' '))
        else
          redis.call('HDEL', ATTEMPTS, run)
        end
      end
    end
  end
end
return #members
`;
