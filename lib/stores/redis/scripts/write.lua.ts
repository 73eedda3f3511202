import { START_PREFIXES } from '../redis.records.js';

/**
 * Writes a batch of changes, each guarded on its own: all of an entry is written, or nothing of it.
 *
 * - `a`: adds a task where nothing is there.
 * - `s`: writes a state, and a definition with it or not. What a claimer has of the task ends with it.
 * - `d`: the task goes.
 * - `b`: a reservation is given back.
 * - `p`: a record that was taken and cannot be read is given back, and put aside.
 * - `v`: a record that was put aside goes back to its place, or is put aside once more.
 * - `r`: no task at all, only ended runs and entries of the journal.
 *
 * A guard is how the stand of a task must begin, which is what TAKEN has of it, or else the head of its state.
 *
 * A client that lost its connection sends the script again and cannot know whether it had been carried out. The nonce in
 * the new head tells: a state that has it was written by this very call.
 *
 * Arguments: `ids`, one for each entry; `entries`, in one list, because a table for each costs more than all that is in it:
 *
 * | entry | what follows its letter |
 * | --- | --- |
 * | `a`, `s` | guard, nonce, time (`-` for never), the number of its queue in `queues` (0: as it was), score in RUN_TIMES, member of START_TASKS, `1` if that may be another one now, runs; texts: with a queue the definition and the whole state, else the state before and behind its place |
 * | `d` | guard, `1` if a start may look for it, runs |
 * | `b` | the token of the taking |
 * | `p` | the token of the taking, what TAKEN had before, until when it is put aside |
 * | `v` | `1` if it was put aside and its time has come, until when it is now put aside (empty: it can be read) |
 * | `r` | runs |
 *
 * Behind an entry may be `j`: the number of entries of the journal that are written with it, and of each its id and its task (0 for
 * none); its text is its columns and its envelope.
 *
 * Runs are their number, and of each its task (empty: that of the entry), its rank, and `1` if it may be the only one of its task;
 * its text is its columns and its outcome.
 * All texts are arguments of the script, in the same order.
 *
 * Returns what did not go as asked, as pairs: the number of an entry, and `gone`, `exists` or the version that is there.
 */
export const WRITE_FUNCTION = String.raw`
local function write(ids, entries, queues)
  -- The next text, and the next field.
  local next_text, at = 2, 1
  local function text()
    next_text = next_text + 1
    return ARGV[next_text - 1]
  end

  local takens, outcomes = get_many(TAKEN, ids), {}
  local definitions, states, untaken, out, into, run_times, gone, touched = {}, {}, {}, {}, {}, {}, {}, {}
  local start_out, start_in, released, queue_of = {}, {}, {}, {}
  local run_ranks, tasks, bodies, may_be_only = {}, {}, {}, {}
  local noted, noted_tasks, notes, is_refused = {}, {}, {}, false

  -- States, of those that are in no batch: that of the others is not looked at.
  local unread, number_of = {}, {}
  for n = 1, #ids do
    if not takens[n] or string.find(takens[n], ' x ', 1, true) then
      unread[#unread + 1], number_of[#number_of + 1] = ids[n], n
    end
  end
  local stored, read = {}, get_many(STATES, unread)
  for i = 1, #unread do
    stored[number_of[i]] = read[i]
  end

  local function forget_start(id)
    local n = #start_out
    ${START_PREFIXES.map((prefix, at) => `start_out[n + ${at + 1}] = '${prefix}\\n' .. id`).join('\n    ')}
  end

  -- Whether a task has a definition. Those of a batch that adds are asked about together.
  local definitions_there = nil
  local function has_definition(n)
    if entries[1] ~= 'a' then
      return redis.call('HEXISTS', TASKS, ids[n]) == 1
    end
    definitions_there = definitions_there or get_many(TASKS, ids)
    return definitions_there[n]
  end

  -- What is there is not what was expected. Returns what that means, or nil when it does not matter.
  local function difference(n, op, guard, nonce, first_run)
    local state = takens[n] or stored[n]
    if not state and not has_definition(n) then
      if op == 'a' then return nil end
      return op == 'd' and first_run and find_run(entries[first_run + 1]) and 'ok' or 'gone'
    end
    local version, of = string.match(state or '', '^(%d+) %d+ (%S+) ')
    if nonce and nonce == of then return 'ok' end
    if op == 'a' then return 'exists' end
    if guard == '' then return nil end
    return version or '0'
  end

  -- A task leaves its batch, or its place in the index. Returns its queue, and its member of the index.
  local function vacate(n)
    local taken, id = takens[n], ids[n]
    local batch, flag, lease_end
    if taken then
      batch, flag, lease_end = string.match(taken, '^%d+ %d+ (%S+) (%a) %d+ %S+ (%S+)')
      untaken[#untaken + 1] = id
    end
    if batch and flag ~= 'x' then
      released[batch] = (released[batch] or 0) + 1
      return queue_of_batch(batch, queue_of)
    end
    local time, queue = place_of(stored[n])
    if flag == 'x' then time = time_text(tonumber(lease_end)) end
    if time and time ~= '-' then return queue, member(queue, time, id) end
    return queue
  end

  local function move(old, new, old_queue, new_queue)
    if old and old ~= new then
      out[#out + 1] = old
      touched[old_queue] = true
    end
    -- Even if it is there: what was put aside has another one.
    if new then
      into[#into + 1], into[#into + 2] = 0, new
      touched[new_queue] = true
    end
  end

  local function read_runs(id, is_written)
    local count = entries[at]
    at = at + 1
    for _ = 1, count do
      if is_written then
        local n = #run_ranks + 1
        tasks[n], run_ranks[n], may_be_only[n] = entries[at], entries[at + 1], entries[at + 2]
        if tasks[n] == '' then tasks[n] = id end
        bodies[n] = text()
      else
        next_text = next_text + 1
      end
      at = at + 3
    end
  end

  local function read_entries()
    local count = entries[at + 1]
    at = at + 2
    for _ = 1, count do
      local n, body = #noted + 1, text()
      if not is_refused then
        noted[n], noted_tasks[n], notes[n] = entries[at], entries[at + 1], body
      end
      at = at + 2
    end
  end

  local function note(n, problem)
    is_refused = true
    if problem ~= 'ok' then
      outcomes[#outcomes + 1], outcomes[#outcomes + 2] = n, problem
    end
  end

  local function drop(n)
    local guard, has_start = entries[at + 1], entries[at + 2]
    local stand, problem = takens[n] or stored[n], nil
    if guard == '' or not stand or string.sub(stand, 1, #guard) ~= guard then
      problem = difference(n, 'd', guard, nil, entries[at + 3] > 0 and at + 4)
    end
    if problem then
      note(n, problem)
    else
      local id = ids[n]
      local queue, old = vacate(n)
      move(old, nil, queue)
      gone[#gone + 1] = id
      if has_start == 1 then forget_start(id) end
    end
    at = at + 3
    read_runs(ids[n], not problem)
  end

  local function put(n)
    local op, guard, nonce, time, number, score, start, is_new_start = unpack(entries, at, at + 7)
    local id, stand, problem = ids[n], takens[n] or stored[n], nil
    local first, second = text(), text()
    if op == 'a' or guard == '' or not stand or string.sub(stand, 1, #guard) ~= guard then
      problem = difference(n, op, guard, nonce)
    end
    local queue, old, new_queue
    if not problem then
      queue, old = vacate(n)
      new_queue = queues[number] or queue
      -- Its state was damaged after it had been read.
      if not new_queue then problem = '0' end
    end
    if problem then
      note(n, problem)
    else
      states[#states + 1] = id
      if number > 0 then
        definitions[#definitions + 1] = id
        definitions[#definitions + 1] = first
        states[#states + 1] = second
        if is_new_start == 1 then forget_start(id) end
        if start ~= '' then
          start_in[#start_in + 1] = 0
          start_in[#start_in + 1] = start
        end
      else
        states[#states + 1] = first .. new_queue .. second
      end
      run_times[#run_times + 1] = score
      run_times[#run_times + 1] = id
      move(old, time ~= '-' and member(new_queue, time, id) or nil, queue, new_queue)
    end
    at = at + 8
    read_runs(id, not problem)
  end

  -- The batch of a task, where it is one of a taking.
  local function batch_with(n, token)
    local batch = takens[n] and string.match(takens[n], '^%d+ %d+ (%S+) [br] ')
    return batch and string.sub(batch, 1, #token + 1) == token .. ':' and batch
  end

  local function park(id, time)
    into[#into + 1], into[#into + 2] = 0, member(PARKED, time, id)
    touched[PARKED] = true
  end

  local function give_back(n)
    local batch = batch_with(n, entries[at + 1])
    if batch then
      local lease = string.match(takens[n], ' r (.*)$')
      local lease_end = string.match(lease, '^[1-9]%d* %S+ (%S+)')
      local place = due_again(ids[n], queue_of_batch(batch, queue_of), lease_end)
      released[batch] = (released[batch] or 0) + 1
      if lease_end then
        redis.call('HSET', TAKEN, ids[n], (string.gsub(takens[n], ' r ', ' x ', 1)))
      else
        untaken[#untaken + 1] = ids[n]
      end
      if place then move(nil, place, nil, queue_of_batch(batch, queue_of)) end
    end
    at = at + 2
  end

  local function put_aside(n)
    local batch, before = batch_with(n, entries[at + 1]), entries[at + 2]
    if batch then
      released[batch] = (released[batch] or 0) + 1
      if before == '' then
        untaken[#untaken + 1] = ids[n]
      else
        redis.call('HSET', TAKEN, ids[n], before)
      end
      park(ids[n], entries[at + 3])
    end
    at = at + 4
  end

  local function review(n)
    local id, taken, next_time = ids[n], takens[n], entries[at + 2]
    if entries[at + 1] == 1 then
      -- Those whose time has come are at the beginning.
      for _, each in ipairs(due_in(PARKED, nil, time_text(now_ms()) .. '\n\255', 200)) do
        if string.sub(each, #PARKED + 20) == id then move(each, nil, PARKED) end
      end
    end
    local _, queue = place_of(stored[n])
    local lease_end = taken and string.match(taken, ' x %d+ %S+ (%S+)')
    local place = queue and (lease_end or not taken) and due_again(id, queue, lease_end)
    if next_time == '' then
      if place then move(nil, place, nil, queue) end
    else
      if place then move(place, nil, queue) end
      if stored[n] or taken then park(id, next_time) end
    end
    at = at + 3
  end

  local by_letter = { a = put, s = put, d = drop, b = give_back, p = put_aside, v = review }
  for n = 1, #ids do
    local act = by_letter[entries[at]]
    is_refused = false
    if act then
      act(n)
    else
      at = at + 1
      read_runs('', true)
    end
    if entries[at] == 'j' then
      read_entries()
    end
  end

  if #run_ranks > 0 then
    save_runs(run_ranks, tasks, bodies, may_be_only)
  end
  if #noted > 0 then
    save_entries(noted, noted_tasks, notes)
  end
  call_many('HSET', TASKS, definitions)
  call_many('HSET', STATES, states)
  call_many('ZADD', RUN_TIMES, run_times)
  call_many('HDEL', TAKEN, untaken)
  call_many('HDEL', TASKS, gone)
  call_many('HDEL', STATES, gone)
  call_many('ZREM', RUN_TIMES, gone)
  call_many('ZREM', START_TASKS, start_out)
  call_many('ZADD', START_TASKS, start_in)
  call_many('ZREM', DUE, out)
  call_many('ZADD', DUE, into)
  release(released, touched)
  refresh(touched)
  return outcomes
end
`;
