import { PRELUDE } from './prelude.lua.js';

/**
 * Looks at what is due next in the queues that are asked for.
 *
 * Arguments: how many rows at the most, the queue of parked records, which queues.
 * Returns the time; the rows of parked records whose time to be looked at again has come; or else the earliest time and
 * the first rows of its queue; and the queues of records passed over that this process cannot read.
 */
export const PEEK_FUNCTION = String.raw`
local function peek(first)
  local limit, now = tonumber(ARGV[first]), now_ms()
  local parked, filter = ARGV[first + 1], read_filter(first + 2)

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
  local found, found_time, blocked = nil, nil, {}
  each_queue(function(queue, time)
    local asked, readable = filter(queue)
    if asked and readable then
      found, found_time = queue, time
    elseif asked and queue ~= parked and #blocked < 20 then
      blocked[#blocked + 1] = queue
    end
    return found
  end)
  if found then
    return { whole(now), {}, whole(found_time), first_rows(found, LAST), blocked }
  end
  return { whole(now), {}, false, {}, blocked }
end
`;

/** {@link PEEK_FUNCTION} alone. Returns how many members of the index were none as well: see `mend_due`. */
export const PEEK = `${PRELUDE}${PEEK_FUNCTION}
local strays = mend_due()
local found = peek(1)
found[#found + 1] = strays
return found
`;
