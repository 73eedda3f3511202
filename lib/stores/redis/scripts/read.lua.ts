import { PRELUDE } from './prelude.lua.js';

/** ARGV: ids, and the largest text. Returns the time, and definition, state and place of each, one after another. */
export const READ = String.raw`${PRELUDE}
local ids = { unpack(ARGV, 1, #ARGV - 1) }
local definitions, states, places = texts_of(TASKS, ids), texts_of(STATES, ids), get_many(PLACES, ids)
local rows = {}
for i = 1, #ids do
  rows[3 * i - 2], rows[3 * i - 1], rows[3 * i] = definitions[i], states[i], places[i]
end
return { whole(now_ms()), rows }
`;

/**
 * A part of all tasks, in no order: one may come twice, none is left out that is there all the time.
 *
 * ARGV: the cursor, about how many, `1` for whole rows or `0` for clear columns only.
 * Returns the next cursor, and id, definition, state and place of each.
 */
export const SCAN = String.raw`${PRELUDE}
local scanned = redis.call('HSCAN', TASKS, ARGV[1], 'COUNT', ARGV[2])
local found, ids = scanned[2], {}
for i = 1, #found, 2 do
  ids[#ids + 1] = found[i]
end
local whole_rows = ARGV[3] == '1'
local places, states = get_many(PLACES, ids), whole_rows and texts_of(STATES, ids) or {}
local rows = {}
for i = 1, #ids do
  local definition = found[2 * i]
  -- A scan gives the values too, so the server has it in hand already; nobody else need have it.
  if #definition > MAX_BYTES then
    definition = '!' .. #definition
  elseif not whole_rows then
    local cut = string.find(definition, '\n', 1, true)
    definition = cut and string.sub(definition, 1, cut - 1) or ''
  end
  local n = #rows
  rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4] = ids[i], definition, states[i] or '', places[i]
end
return { scanned[1], rows }
`;

/**
 * A page in the order of next run times, without the internal records, which are at its beginning.
 *
 * ARGV: offset, how many, `1` for descending.
 * Returns how many tasks there are, how many RUN_TIMES knows, and the rows.
 */
export const PAGE = String.raw`${PRELUDE}
local internal = redis.call('ZCOUNT', RUN_TIMES, '-inf', '-inf')
local known, first = redis.call('ZCARD', RUN_TIMES) - internal, tonumber(ARGV[1])
local last = math.min(first + tonumber(ARGV[2]), known) - 1
local rows = {}
if first <= last then
  local ids
  if ARGV[3] == '1' then
    ids = redis.call('ZREVRANGE', RUN_TIMES, first, last)
  else
    ids = redis.call('ZRANGE', RUN_TIMES, internal + first, internal + last)
  end
  rows = rows_by(ids)
end
return { redis.call('HLEN', TASKS) - internal, known, rows }
`;

/**
 * Tasks that a start looks for, in the order of their members.
 *
 * ARGV: the beginning of the members (empty for all), the member to go on behind (empty at the beginning), how many.
 * Returns the rows, and the member to go on behind; an empty one when there is nothing more.
 */
export const START_PAGE = String.raw`${PRELUDE}
local prefix, after, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local from = prefix == '' and '-' or '[' .. prefix .. '\n'
local to = prefix == '' and '+' or '(' .. prefix .. '\n\255'
local members = redis.call('ZRANGEBYLEX', START_TASKS, after == '' and from or '(' .. after, to, 'LIMIT', 0, limit)
local ids = {}
for i = 1, #members do
  ids[i] = string.sub(members[i], string.find(members[i], '\n', 1, true) + 1)
end
return { rows_by(ids), #members < limit and '' or members[#members] }
`;

/**
 * Members of the due index up to a time, queue by queue.
 *
 * ARGV: the time as text, how many, readable codecs, the queue and the member to go on behind (empty at the beginning).
 * Returns the rows, and the queue and member to go on behind; an empty queue when there is nothing more.
 */
export const DUE_ROWS = String.raw`${PRELUDE}
mend_due()
local to, limit = ARGV[1] .. '\n\255', tonumber(ARGV[2])
local codecs, at = read_set(3)
local queue, after = ARGV[at], ARGV[at + 1]
local queues = redis.call('ZRANGE', QUEUES, 0, -1)
table.sort(queues)
local members, ids = {}, {}
for i = 1, #queues do
  local codec = string.match(queues[i], '^%S+ (%S+) ')
  if queues[i] >= queue and codecs[codec] then
    local found = due_in(queues[i], queues[i] == queue and '(' .. after or nil, to, limit - #ids)
    for j = 1, #found do
      members[#members + 1], ids[#ids + 1] = found[j], string.sub(found[j], #queues[i] + 20)
    end
    if #ids >= limit then
      local _, rows = rows_of(members, ids)
      return { rows, queues[i], found[#found] }
    end
  end
end
local _, rows = rows_of(members, ids)
return { rows, '', '' }
`;
