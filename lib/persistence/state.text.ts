import type { Attribution } from '../model/attribution.js';
import type { LiveRun, StoredStep } from '../model/run.js';
import type { StoredOutput } from '../model/run.output.js';
import type { TaskState } from '../model/task.js';
import { writerOf } from './codec.settings.js';
import type { CodecSettings } from './codec.settings.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import type { RecordAddress } from './envelope.js';
import { isJsonObject, parseJsonObject } from './json-text.js';
import type { JsonObject } from './json-text.js';
import { LastText } from './last.text.js';
import { USUAL_STATE, withoutUsual } from './left.out.js';
import { appendMember } from './payload.js';
import { asState } from './record.schema.js';

/** The member of a stored state that holds what people and handlers have said, encrypted. */
const SAID = 'said';

/** What people and handlers have said about a task, and the message of its fault, which may quote a trigger. */
interface Said {
  readonly pause: Attribution | null;
  readonly control: Attribution | null;
  readonly problem: { readonly message: string } | null;
  readonly live: readonly SaidOfRun[];
}

interface SaidOfRun extends Record<'cancel' | 'request', Attribution | null> {
  /** What its handler has said: the names and the results of its steps, its log and its progress. */
  readonly steps?: readonly StoredStep[];
  readonly output?: StoredOutput;
}

const NOTHING: Attribution = { actor: null, reason: null };

/** The text of a state. Where a key writes, what people have said is encrypted in it; the rest databases filter by. */
export function stateText(id: string, state: TaskState, settings: CodecSettings): string {
  const key = writerOf(settings);
  if (!key || !saysAnything(state)) return bareTexts.textOf(state);
  const { pause, control, problem, live } = state;
  const said: Said = {
    pause: ofWhom(pause),
    control: ofWhom(control),
    problem: problem && messageOf(problem),
    live: live.map(ofRun),
  };
  const bare: TaskState = {
    ...state,
    pause: pause && { ...pause, ...NOTHING },
    control: control && { ...control, ...NOTHING },
    problem: problem && { ...problem, message: '' },
    live: live.map(({ steps: _steps, output: _output, ...run }) => ({
      ...run,
      cancel: run.cancel && { ...run.cancel, ...NOTHING },
      request: run.request && NOTHING,
    })),
  };
  const sealed = sealEnvelope(addressOf(id, settings), settings.serializer.name, JSON.stringify(said), key);
  return appendMember(textOf(bare), `"${SAID}":${sealed}`);
}

const bareTexts = new LastText(textOf);

function textOf(state: TaskState): string {
  return JSON.stringify(withoutUsual(state, USUAL_STATE));
}

/** Whether the text of a state may hold something encrypted: then it is not the state itself, as JSON has it. */
export function hasSealed(text: string): boolean {
  return text.includes(`"${SAID}":`);
}

/**
 * Reads what {@link stateText} made.
 *
 * @throws UnreadableFault
 */
export function readState(id: string, text: string, settings: CodecSettings): TaskState {
  const stored = parseJsonObject(text, 'state');
  if (stored[SAID] === undefined) return asState({ ...USUAL_STATE, ...stored });
  const { [SAID]: sealed, ...bare } = stored;
  const { payload } = openEnvelope(addressOf(id, settings), JSON.stringify(sealed), settings);
  return asState(withSaid({ ...USUAL_STATE, ...bare }, payload));
}

function withSaid(state: JsonObject, said: JsonObject): JsonObject {
  const live = Array.isArray(state.live) ? (state.live as unknown[]) : [];
  const ofRuns = Array.isArray(said.live) ? (said.live as unknown[]) : [];
  return {
    ...state,
    pause: merged(state.pause, said.pause),
    control: merged(state.control, said.control),
    problem: merged(state.problem, said.problem),
    live: live.map((run, at) => withSaidOfRun(run, ofRuns[at])),
  };
}

function withSaidOfRun(run: unknown, said: unknown): unknown {
  if (!isJsonObject(run) || !isJsonObject(said)) return run;
  const { steps, output } = said;
  return {
    ...run,
    cancel: merged(run.cancel, said.cancel),
    request: merged(run.request, said.request),
    ...(steps !== undefined && { steps }),
    ...(output !== undefined && { output }),
  };
}

function merged(part: unknown, said: unknown): unknown {
  return isJsonObject(part) && isJsonObject(said) ? { ...part, ...said } : part;
}

function saysAnything({ pause, control, problem, live }: TaskState): boolean {
  return says(pause) || says(control) || problem !== null || live.some(saysOfRun);
}

function saysOfRun({ cancel, request, steps, output }: LiveRun): boolean {
  return says(cancel) || says(request) || steps !== undefined || output !== undefined;
}

function says(whom: Attribution | null): boolean {
  return whom !== null && (whom.actor !== null || whom.reason !== null);
}

function ofWhom(whom: Attribution | null): Attribution | null {
  return whom && { actor: whom.actor, reason: whom.reason };
}

function messageOf({ message }: { readonly message: string }): { readonly message: string } {
  return { message };
}

function ofRun({ cancel, request, steps, output }: LiveRun): SaidOfRun {
  return { cancel: ofWhom(cancel), request: ofWhom(request), ...(steps && { steps }), ...(output && { output }) };
}

function addressOf(id: string, { namespace }: CodecSettings): RecordAddress {
  return { namespace, entity: 'state', key: [id] };
}
