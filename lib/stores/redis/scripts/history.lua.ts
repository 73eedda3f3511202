import { PRELUDE } from './prelude.lua.js';

/**
 * Ended runs, the latest first.
 *
 * ARGV: the task (empty for all), the bounds of the members, how many.
 * Returns the last member (empty when there is none), and the runs.
 */
export const RUN_PAGE = String.raw`${PRELUDE}
local task = ARGV[1]
local members = redis.call('ZRANGEBYLEX', task == '' and RUN_ENDS or TASK_RUNS, ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
local fields = {}
for i = 1, #members do
  fields[i] = string.sub(members[i], #task + 18)
end
return { #members, members[#members] or '', get_many(RUNS, fields) }
`;

/** ARGV: the id of a run. Returns its ended attempts, in the order of writing. */
export const RUN_ATTEMPTS = String.raw`${PRELUDE}
local fields = {}
for attempt in string.gmatch(redis.call('HGET', ATTEMPTS, ARGV[1]) or '', '%S+') do
  fields[#fields + 1] = ARGV[1] .. '\n' .. attempt
end
return get_many(RUNS, fields)
`;

/**
 * Removes ended runs, the oldest first.
 *
 * ARGV: `ended` and the bound of the members, or `count` and how many of each task stay; and how many at the most.
 * Returns how many were removed.
 */
export const PRUNE = String.raw`${PRELUDE}
local limit, fields, by_task = tonumber(ARGV[3]), {}, {}

if ARGV[1] == 'ended' then
  local members = redis.call('ZREVRANGEBYLEX', RUN_ENDS, '+', ARGV[2], 'LIMIT', 0, limit)
  for i = 1, #members do
    fields[i] = string.sub(members[i], 18)
  end
else
  local keep = tonumber(ARGV[2])
  local counts = redis.call('ZREVRANGEBYSCORE', RUN_COUNTS, '+inf', '(' .. keep, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #counts, 2 do
    local task, excess = counts[i], math.min(counts[i + 1] - keep, limit - #fields)
    if excess > 0 then
      local members = redis.call('ZREVRANGEBYLEX', TASK_RUNS, '(' .. task .. '2', '[' .. task, 'LIMIT', 0, excess)
      for j = 1, #members do
        fields[#fields + 1] = string.sub(members[j], #task + 18)
      end
      -- A count that is wrong would be found again and again.
      if #members < excess then
        redis.call('ZADD', RUN_COUNTS, keep, task)
      end
    end
  end
end

local texts = get_many(RUNS, fields)
local ends, of_tasks, lists, ids = {}, {}, {}, {}
for i = 1, #fields do
  local id, attempt = string.match(fields[i], '^(.*)\n([^\n]*)$')
  if not lists[id] then
    lists[id], ids[#ids + 1] = {}, id
  end
  lists[id][attempt] = true
  local ended, task = string.match(texts[i] or '', '^([^\n]*)\n([^\n]*)\n')
  if ended then
    ends[#ends + 1] = ended .. fields[i]
    of_tasks[#of_tasks + 1] = task .. ended .. fields[i]
    by_task[task] = (by_task[task] or 0) + 1
  end
end
local kept, empty = {}, {}
local attempts = get_many(ATTEMPTS, ids)
for i = 1, #ids do
  local rest = {}
  for attempt in string.gmatch(attempts[i] or '', '%S+') do
    if not lists[ids[i]][attempt] then
      rest[#rest + 1] = attempt
    end
  end
  if #rest > 0 then
    kept[#kept + 1], kept[#kept + 2] = ids[i], table.concat(rest, ' ')
  else
    empty[#empty + 1] = ids[i]
  end
end
call_many('HDEL', RUNS, fields)
call_many('HSET', ATTEMPTS, kept)
call_many('HDEL', ATTEMPTS, empty)
call_many('ZREM', RUN_ENDS, ends)
call_many('ZREM', TASK_RUNS, of_tasks)
for task, number in pairs(by_task) do
  if tonumber(redis.call('ZINCRBY', RUN_COUNTS, -number, task)) <= 0 then
    redis.call('ZREM', RUN_COUNTS, task)
  end
end
return #fields
`;
