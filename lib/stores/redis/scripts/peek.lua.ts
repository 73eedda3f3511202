import { PRELUDE } from './prelude.lua.js';

/**
 * Looks at what is due next, for given handlers and readable codecs.
 *
 * Arguments from ARGV on: how many rows at the most, readable codecs, handlers, the codec of parked records.
 * Returns the time; the rows of parked records whose time to be looked at again has come; or else the earliest time and
 * the first rows of its queue; and the queues of records passed over that this process cannot read.
 */
export const PEEK_FUNCTION = String.raw`
local function peek(first)
  local limit, now = tonumber(ARGV[first]), now_ms()
  local codecs, after_codecs = read_set(first + 1)
  local handlers, last = read_set(after_codecs)
  local parked = '0 ' .. ARGV[last] .. ' ""'

  local function first_rows(queue, to)
    local members, ids = due_in(queue, nil, to, limit), {}
    for i = 1, #members do
      ids[i] = string.sub(members[i], #queue + 20)
    end
    local _, rows = rows_of(members, ids)
    return rows
  end

  local waiting = redis.call('ZSCORE', QUEUES, parked)
  if waiting and tonumber(waiting) <= now then
    local rows = first_rows(parked, time_text(now) .. '\n\255')
    if #rows > 0 then
      return { whole(now), rows, false, {}, {} }
    end
  end
  local blocked = {}
  for from = 0, 1000000, 100 do
    local queues = redis.call('ZRANGE', QUEUES, from, from + 99, 'WITHSCORES')
    for i = 1, #queues, 2 do
      local _, codec, handler = string.match(queues[i], '^(%S+) (%S+) (.*)$')
      if handlers == nil or handlers[handler] then
        if codecs[codec] then
          return { whole(now), {}, whole(tonumber(queues[i + 1])), first_rows(queues[i], LAST), blocked }
        end
        if queues[i] ~= parked and #blocked < 20 then
          blocked[#blocked + 1] = queues[i]
        end
      end
    end
    if #queues < 200 then
      break
    end
  end
  return { whole(now), {}, false, {}, blocked }
end
`;

/** {@link PEEK_FUNCTION} alone. */
export const PEEK = `${PRELUDE}${PEEK_FUNCTION}
return peek(1)
`;
