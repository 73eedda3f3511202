import { FAILED, OTHERS } from '../redis.records.js';
import { PRELUDE } from './prelude.lua.js';

/**
 * What is in an index of ended runs, merged from ranges of one kind each, by inverse ends. The bounds of a range are those
 * of ZRANGEBYLEX, without task and kind. What is returned is without the task.
 */
const MERGED_RANGES = String.raw`
local function merged_ranges(index, task, ranges, count, oldest_first)
  local lists, heads = {}, {}
  for i = 1, #ranges do
    local kind, min, max = unpack(ranges[i])
    min = string.sub(min, 1, 1) .. task .. kind .. string.sub(min, 2)
    max = string.sub(max, 1, 1) .. task .. kind .. string.sub(max, 2)
    lists[i] = oldest_first and redis.call('ZREVRANGEBYLEX', index, max, min, 'LIMIT', 0, count)
      or redis.call('ZRANGEBYLEX', index, min, max, 'LIMIT', 0, count)
    heads[i] = 1
  end
  local found = {}
  while #found < count do
    local from, first
    for i = 1, #lists do
      local member = lists[i][heads[i]]
      local rest = member and string.sub(member, #task + 2)
      if rest and (first == nil or text_before(rest, first) ~= oldest_first) then
        from, first = i, rest
      end
    end
    if from == nil then
      break
    end
    found[#found + 1] = string.sub(lists[from][heads[from]], #task + 1)
    heads[from] = heads[from] + 1
  end
  return found
end

-- The field of RUNS, behind a kind and an inverse end.
local function field_of(member)
  return string.sub(member, 19)
end
`;

/** The runs of fields. Of one whose outcome is too large the columns are given, and its length behind '!'. */
const RUN_TEXTS = String.raw`
local function run_texts(fields)
  local texts = texts_of(RUNS, fields)
  for i = 1, #fields do
    if texts[i] and string.sub(texts[i], 1, 1) == '!' then
      local columns = string.match(redis.call('HGET', RUNS, fields[i]), '^[^\n]*\n[^\n]*\n[^\n]*\n')
      texts[i] = columns and #columns < MAX_BYTES and columns .. texts[i]
    end
  end
  return texts
end
`;

/**
 * Ended runs, the latest first.
 *
 * ARGV: the task (empty for all), the kinds, the bounds, how many.
 * Returns how many were found, the last inverse end and field (empty when there is none), and the runs.
 */
export const RUN_PAGE = String.raw`${PRELUDE}${MERGED_RANGES}${RUN_TEXTS}
local task, ranges, fields = ARGV[1], {}, {}
for kind in string.gmatch(ARGV[2], '.') do
  ranges[#ranges + 1] = { kind, ARGV[3], ARGV[4] }
end
local members = merged_ranges(task == '' and RUN_ENDS or TASK_RUNS, task, ranges, tonumber(ARGV[5]), false)
for i = 1, #members do
  fields[i] = field_of(members[i])
end
return { #members, string.sub(members[#members] or '', 2), run_texts(fields) }
`;

/** ARGV: the id of a run. Returns its ended attempts, in the order of writing. */
export const RUN_ATTEMPTS = String.raw`${PRELUDE}${RUN_TEXTS}
local fields = {}
for attempt in string.gmatch(redis.call('HGET', ATTEMPTS, ARGV[1]) or '', '%S+') do
  fields[#fields + 1] = ARGV[1] .. '\n' .. attempt
end
return run_texts(fields)
`;

/**
 * Removes ended runs, the oldest first.
 *
 * ARGV: how many at the most; `ended` and the bounds of those that failed or were lost, and of the others (empty for none);
 * or `count`, of which runs (`all`, or `others` than those that failed or were lost), and how many of them each task keeps.
 * Returns how many were removed.
 */
export const PRUNE = String.raw`${PRELUDE}${MERGED_RANGES}
local limit, fields, by_task, others_by_task, ranges = tonumber(ARGV[1]), {}, {}, {}, {}
local failed, others = '${FAILED}', '${OTHERS}'

if ARGV[2] == 'ended' then
  if ARGV[3] ~= '' then ranges[1] = { failed, ARGV[3], '(2' } end
  if ARGV[4] ~= '' then ranges[#ranges + 1] = { others, ARGV[4], '(2' } end
  local members = merged_ranges(RUN_ENDS, '', ranges, limit, true)
  for i = 1, #members do
    fields[i] = field_of(members[i])
  end
else
  local counted, keep = RUN_COUNTS, tonumber(ARGV[4])
  ranges[1] = { others, '[', '(2' }
  if ARGV[3] == 'all' then
    ranges[2] = { failed, '[', '(2' }
  else
    counted = OTHER_COUNTS
  end
  local counts = redis.call('ZREVRANGEBYSCORE', counted, '+inf', '(' .. keep, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #counts, 2 do
    local task, excess = counts[i], math.min(counts[i + 1] - keep, limit - #fields)
    if excess > 0 then
      local members = merged_ranges(TASK_RUNS, task, ranges, excess, true)
      for j = 1, #members do
        fields[#fields + 1] = field_of(members[j])
      end
      -- A count that is wrong would be found again and again.
      if #members < excess then
        redis.call('ZADD', counted, keep, task)
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
    if string.sub(ended, 1, 1) == others then
      others_by_task[task] = (others_by_task[task] or 0) + 1
    end
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
local function discount(counts, removed)
  for task, number in pairs(removed) do
    if tonumber(redis.call('ZINCRBY', counts, -number, task)) <= 0 then
      redis.call('ZREM', counts, task)
    end
  end
end
discount(RUN_COUNTS, by_task)
discount(OTHER_COUNTS, others_by_task)
return #fields
`;
