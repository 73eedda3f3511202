import { PRELUDE } from './prelude.lua.js';

/**
 * The journal: JOURNAL has the text of each entry by its id, and JOURNAL_INDEX the ids, which grow with time. Entries that are about a
 * task have a second member there: `~length:task`, and the id. No id begins with a tilde, and all come before it.
 */
export const JOURNAL_FUNCTIONS = String.raw`
local function of_task(task)
  return '~' .. #task .. ':' .. task
end

-- Lists of ids, of tasks (no text for none), and of texts.
local function save_entries(ids, tasks, texts)
  local fields, members = {}, {}
  for i = 1, #ids do
    local n, m = #fields, #members
    fields[n + 1], fields[n + 2] = ids[i], texts[i]
    members[m + 1], members[m + 2] = 0, ids[i]
    if type(tasks[i]) == 'string' then
      members[m + 3], members[m + 4] = 0, of_task(tasks[i]) .. ids[i]
    end
  end
  call_many('HSET', JOURNAL, fields)
  call_many('ZADD', JOURNAL_INDEX, members)
end
`;

/**
 * Entries of the journal, the latest first.
 *
 * ARGV: the task behind `=` (empty for all), the bounds as ZRANGEBYLEX takes them (of ids), how many.
 * Returns the ids, and their texts: of one that is too large, `!`, its length, a newline and its columns.
 */
export const JOURNAL_PAGE = String.raw`${PRELUDE}${JOURNAL_FUNCTIONS}
local task = string.match(ARGV[1], '^=(.*)$')
local prefix = task and of_task(task) or ''
local function bound(text)
  return string.sub(text, 1, 1) .. prefix .. string.sub(text, 2)
end
local members = redis.call('ZREVRANGEBYLEX', JOURNAL_INDEX, bound(ARGV[3]), bound(ARGV[2]), 'LIMIT', 0, tonumber(ARGV[4]))
local ids = {}
for i = 1, #members do
  ids[i] = string.sub(members[i], #prefix + 1)
end
local texts = texts_of(JOURNAL, ids)
for i = 1, #ids do
  if texts[i] and string.sub(texts[i], 1, 1) == '!' then
    texts[i] = texts[i] .. '\n' .. (string.match(redis.call('HGET', JOURNAL, ids[i]), '^[^\n]*') or '')
  end
end
return { ids, texts }
`;

/**
 * Removes entries of the journal, the oldest first.
 *
 * ARGV: how many at the most, the bound of those that are too old (empty for none), how many are kept (empty for all).
 * Returns how many were removed.
 */
export const JOURNAL_PRUNE = String.raw`${PRELUDE}${JOURNAL_FUNCTIONS}
local limit = tonumber(ARGV[1])
local function first(max, count)
  return redis.call('ZRANGEBYLEX', JOURNAL_INDEX, '[', max, 'LIMIT', 0, count)
end
local ids = ARGV[2] ~= '' and first(ARGV[2], limit) or {}
local surplus = ARGV[3] ~= '' and redis.call('HLEN', JOURNAL) - tonumber(ARGV[3]) or 0
if surplus > #ids then
  ids = first('(~', math.min(surplus, limit))
end
local texts, out = texts_of(JOURNAL, ids), {}
for i = 1, #ids do
  out[#out + 1] = ids[i]
  local text = texts[i]
  if text and string.sub(text, 1, 1) == '!' then
    text = redis.call('HGET', JOURNAL, ids[i])
  end
  local size = tonumber(string.match(text or '', '^(%d+) '))
  if size then
    local from = string.find(text, ' ', 1, true) + 1
    out[#out + 1] = of_task(string.sub(text, from, from + size - 1)) .. ids[i]
  end
end
call_many('HDEL', JOURNAL, ids)
call_many('ZREM', JOURNAL_INDEX, out)
return #ids
`;
