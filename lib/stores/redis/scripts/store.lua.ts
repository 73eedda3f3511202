import { JOURNAL_FUNCTIONS } from './journal.lua.js';
import { PRELUDE } from './prelude.lua.js';

/**
 * Makes sure at the start that the keys are the store's own: a key that holds something else would stop a script half
 * way. Puts the list of queues right, by which claims and polls go: one that is missing there, or has a later time, would be
 * found by nobody. Returns the time, and the first such key with what it holds.
 */
export const CHECK = String.raw`${PRELUDE}
local hashes = set_of({ TASKS, STATES, TAKEN, BATCHES, RUNS, ATTEMPTS, SCHEDULERS, JOURNAL })
for i = 1, #KEYS do
  local kind, expected = redis.call('TYPE', KEYS[i]).ok, hashes[KEYS[i]] and 'hash' or 'zset'
  if kind ~= 'none' and kind ~= expected then
    return { whole(now_ms()), KEYS[i], kind, expected }
  end
end
mend_due()
local from = '-'
for _ = 1, 10000 do
  local first = redis.call('ZRANGEBYLEX', DUE, from, '+', 'LIMIT', 0, 1)[1]
  local queue, time = string.match(first or '', '^([^\n]+)\n([01]%d+)[\n\t]')
  if not queue then
    break
  end
  redis.call('ZADD', QUEUES, time_of(time), queue)
  from = '(' .. queue .. '\n' .. LAST
end
return { whole(now_ms()) }
`;

/** The clock of the node that holds the tasks. */
export const NOW = String.raw`${PRELUDE}
return whole(now_ms())
`;

/**
 * Removes all tasks and leaves the history, the journal and the internal records. Returns how many there were. Tasks can be millions
 * and internal records are few, so these are put aside while all keys go at once.
 *
 * ARGV: entries of the journal: of each its id and its text.
 */
export const CLEAR = String.raw`${PRELUDE}${JOURNAL_FUNCTIONS}
local ids = redis.call('ZRANGEBYSCORE', RUN_TIMES, '-inf', '-inf')
local hashes, kept = { TASKS, STATES }, {}
for h = 1, #hashes do
  local values, pairs_of = get_many(hashes[h], ids), {}
  for i = 1, #ids do
    if values[i] then
      pairs_of[#pairs_of + 1] = ids[i]
      pairs_of[#pairs_of + 1] = values[i]
    end
  end
  kept[h] = pairs_of
end
local count = redis.call('HLEN', TASKS) - #kept[1] / 2
redis.call('UNLINK', TASKS, STATES, TAKEN, BATCHES, LEASES, DUE, QUEUES, RUN_TIMES, START_TASKS)
for h = 1, #hashes do
  call_many('HSET', hashes[h], kept[h])
end
local scores = {}
for i = 1, #kept[1], 2 do
  scores[#scores + 1] = '-inf'
  scores[#scores + 1] = kept[1][i]
end
call_many('ZADD', RUN_TIMES, scores)
local entries, texts = {}, {}
for i = 1, #ARGV - 1, 2 do
  entries[#entries + 1], texts[#texts + 1] = ARGV[i], ARGV[i + 1]
end
save_entries(entries, {}, texts)
return count
`;

/** ARGV: identity, JSON. Writes a heartbeat. */
export const HEARTBEAT = String.raw`${PRELUDE}
redis.call('HSET', SCHEDULERS, ARGV[1], whole(now_ms()) .. '\n' .. ARGV[2])
`;

/** ARGV: identity. Forgets a scheduler. */
export const RETIRE = String.raw`${PRELUDE}
redis.call('HDEL', SCHEDULERS, ARGV[1])
`;

/** Every heartbeat. */
export const MEMBERS = String.raw`${PRELUDE}
return redis.call('HVALS', SCHEDULERS)
`;
