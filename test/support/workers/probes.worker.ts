// The handlers of the conformance kit, as a module exports them.
import { executorProbes } from 'nestjs-asyncz/testing';

export const { probeEcho, probeEchoLater, probeHold, probeLook, probeSteps, probeTell, probeThrow, probeThrowLater } =
  executorProbes;
