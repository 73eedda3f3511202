import { LEASES_FUNCTIONS } from './leases.lua.js';
import { PRELUDE } from './prelude.lua.js';

/** ARGV: ids. Returns the time, and the rows. */
export const READ = String.raw`${PRELUDE}
return { whole(now_ms()), rows_by({ unpack(ARGV, 1, #ARGV - 1) }) }
`;

/**
 * A part of all tasks, in no order: one may come twice, none is left out that is there all the time.
 *
 * ARGV: the cursor, about how many, `1` for whole rows or `0` for clear columns only.
 * Returns the next cursor, and the rows.
 */
export const SCAN = String.raw`${PRELUDE}
local scanned = redis.call('HSCAN', TASKS, ARGV[1], 'COUNT', ARGV[2])
local found, ids, definitions = scanned[2], {}, {}
for i = 1, #found, 2 do
  ids[#ids + 1] = found[i]
end
local whole_rows = ARGV[3] == '1'
local states = texts_of(STATES, ids)
for i = 1, #ids do
  local definition, state = found[2 * i], states[i]
  -- A scan gives the values too, so the server has it in hand already; nobody else need have it.
  if #definition > MAX_BYTES then
    definition = '!' .. #definition
  elseif not whole_rows then
    definition = string.match(definition, '^([^\n]*)\n') or ''
    states[i] = state and string.match(state, '^[^\n]*\n') or false
  end
  definitions[i] = definition
end
return { scanned[1], { ids, definitions, states, get_many(TAKEN, ids) } }
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
local rows = rows_by({})
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
 * ARGV: the time as text, how many, readable codecs as JSON, the queue and the member to go on behind (empty at the beginning).
 * Returns the rows, and the queue and member to go on behind; an empty queue when there is nothing more.
 */
export const DUE_ROWS = String.raw`${PRELUDE}${LEASES_FUNCTIONS}
mend_due()
end_leases(now_ms())
local to, limit = ARGV[1] .. '\n\255', tonumber(ARGV[2])
local codecs, queue, after = set_of(cjson.decode(ARGV[3])), ARGV[4], ARGV[5]
local queues = redis.call('ZRANGE', QUEUES, 0, -1)
table.sort(queues)
local ids, is_at, seen, last, next_queue = {}, {}, 0, '', ''
for i = 1, #queues do
  local codec = string.match(queues[i], '^%S+ (%S+) ')
  if queues[i] >= queue and codecs[codec] then
    local found = due_in(queues[i], queues[i] == queue and '(' .. after or nil, to, limit - seen)
    seen = seen + #found
    for j = 1, #found do
      if string.byte(found[j], #queues[i] + 19) ~= TAB then
        ids[#ids + 1] = string.sub(found[j], #queues[i] + 20)
        is_at[#ids] = { string.sub(found[j], #queues[i] + 2, #queues[i] + 18), queues[i] }
      end
    end
    if seen >= limit then
      last, next_queue = found[#found], queues[i]
      break
    end
  end
end
-- A task that is not in the index any more may have left a member there.
local kept, states, takens = {}, texts_of(STATES, ids), get_many(TAKEN, ids)
for i = 1, #ids do
  if states[i] and is_due_at(is_at[i][1], is_at[i][2], states[i], takens[i]) ~= false then
    kept[#kept + 1] = ids[i]
  end
end
return { rows_by(kept), next_queue, last }
`;

/**
 * How many members of the due index there are up to a time. A batch that is taken counts as one when its lease is over.
 *
 * ARGV: the time as text, readable codecs as JSON.
 */
export const DUE_COUNT = String.raw`${PRELUDE}${LEASES_FUNCTIONS}
mend_due()
end_leases(now_ms())
local codecs, count = set_of(cjson.decode(ARGV[2])), 0
local queues = redis.call('ZRANGEBYSCORE', QUEUES, '-inf', time_of(ARGV[1]), 'LIMIT', 0, 5000)
for i = 1, #queues do
  if codecs[string.match(queues[i], '^%S+ (%S+) ')] then
    count = count + redis.call('ZLEXCOUNT', DUE, '[' .. queues[i] .. '\n', '(' .. queues[i] .. '\n' .. ARGV[1] .. '\n\255')
  end
end
return count
`;
