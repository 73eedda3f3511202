import { CLAIMS } from './claims.contract.js';
import type { ContractSection } from './contract.section.js';
import { FINISH } from './finish.contract.js';
import { GROUPS } from './groups.contract.js';
import { HISTORY } from './history.contract.js';
import { INTERRUPTION } from './interruption.contract.js';
import { JOURNAL, JOURNAL_KEYS } from './journal.contract.js';
import { JOURNAL_INTERRUPTION, JOURNAL_STEPS } from './journal-steps.contract.js';
import { KNOWN } from './known.contract.js';
import { LEASES } from './leases.contract.js';
import { START_TASKS } from './start-tasks.contract.js';
import {
  BORROWED,
  SECRECY,
  START_AND_SHUTDOWN,
  TRANSACTIONAL_CHANGES,
  TRANSACTIONS,
} from './start-and-shutdown.contract.js';
import { MEMBERS } from './members.contract.js';
import { ORDER } from './order.contract.js';
import { QUERY } from './query.contract.js';
import { RATES } from './rates.contract.js';
import { STEPS_OF_RUNS } from './steps.contract.js';
import { TAKE } from './take.contract.js';
import { TASKS } from './tasks.contract.js';
import { TRANSACT } from './transact.contract.js';
import { DAMAGED, ROTATION, TOO_LARGE, WRONG_KEY } from './unreadable.contract.js';
import { VALUES_AND_IDS } from './values.contract.js';
import { VOLUME } from './volume.contract.js';

/** The contract of `store.interface.ts`, rule by rule. */
export const STORE_CONTRACT: readonly ContractSection[] = [
  TASKS,
  ORDER,
  VALUES_AND_IDS,
  TRANSACT,
  KNOWN,
  TAKE,
  CLAIMS,
  LEASES,
  FINISH,
  STEPS_OF_RUNS,
  HISTORY,
  JOURNAL,
  JOURNAL_STEPS,
  QUERY,
  START_TASKS,
  DAMAGED,
  TOO_LARGE,
  WRONG_KEY,
  ROTATION,
  JOURNAL_KEYS,
  INTERRUPTION,
  JOURNAL_INTERRUPTION,
  MEMBERS,
  GROUPS,
  RATES,
  START_AND_SHUTDOWN,
  BORROWED,
  TRANSACTIONS,
  TRANSACTIONAL_CHANGES,
  SECRECY,
  VOLUME,
];
