import { PARK_MS } from '../redis.place.js';

/**
 * Looks at what is due next in the queues that are asked for.
 *
 * Arguments: how many rows at the most, and which queues.
 * Returns the rows of parked records whose time to be looked at again has come; or else the earliest time, and the first rows
 * of its queue, none where what comes first is the end of a lease; and the queues of records passed over that this process
 * cannot read.
 */
export const PEEK_FUNCTION = String.raw`
local peek
function peek(request, now)
  local limit, filter = request.limit, filter_of(request)

  local waiting = redis.call('ZSCORE', QUEUES, PARKED)
  if waiting and tonumber(waiting) <= now then
    local members, ids = due_in(PARKED, nil, time_text(now) .. '\n\255', limit), {}
    for i = 1, #members do
      ids[i] = string.sub(members[i], #PARKED + 20)
    end
    if #ids > 0 then
      return { rows_by(ids), false, false, {} }
    end
  end
  local found, found_time, blocked = nil, nil, {}
  each_queue(function(queue, time)
    local asked, readable = filter(queue)
    if asked and readable then
      found, found_time = queue, time
    elseif asked and queue ~= PARKED and #blocked < 20 then
      blocked[#blocked + 1] = queue
    end
    return found
  end)
  if not found then
    return { false, false, false, blocked }
  end
  -- What comes first may be the end of a lease; there is nothing to read then.
  local members, ids, out, parked = {}, {}, {}, {}
  for _, each in ipairs(due_in(found, nil, LAST, limit)) do
    if string.byte(each, #found + 19) ~= TAB then
      members[#members + 1], ids[#ids + 1] = each, string.sub(each, #found + 20)
    end
  end
  local definitions, states, takens = texts_of(TASKS, ids), texts_of(STATES, ids), get_many(TAKEN, ids)
  for i = 1, #ids do
    local is_due = is_due_at(string.sub(members[i], #found + 2, #found + 18), found, states[i], takens[i])
    if not is_due or not definitions[i] then
      out[#out + 1] = members[i]
      if is_due == nil and definitions[i] and states[i] then
        parked[#parked + 1], parked[#parked + 2] = 0, member(PARKED, time_text(now + ${PARK_MS}), ids[i])
      end
    end
  end
  if #out == 0 then
    return { false, whole(found_time), { ids, definitions, states, takens }, blocked }
  end
  -- What is no task's, and what cannot be read even here, is not in the way again.
  call_many('ZREM', DUE, out)
  call_many('ZADD', DUE, parked)
  refresh({ [found] = true, [#parked > 0 and PARKED or found] = true })
  return peek(request, now)
end
`;
