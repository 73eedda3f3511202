import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { LocalOperations } from 'nestjs-asyncz/api';
import type { OperationName } from 'nestjs-asyncz/client';
import { OPERATION_NAMES, ROUTES } from 'nestjs-asyncz/client';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../../lib/api/openapi/document.js';
import { createRunning } from '../../support/scheduler.factory.js';

type Operation = {
  operationId: string;
  requestBody?: { content: { 'application/json': { schema: object } } };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
};

const operations = () =>
  Object.values(openApiDocument().paths as Record<string, Record<string, Operation>>).flatMap((path) =>
    Object.values(path),
  );

/** The schema of an answer or a body, with those that it refers to. */
function validatorOf(schema: object) {
  const { components } = openApiDocument();
  return new Ajv2020({ strict: false, allowUnionTypes: true }).compile({ ...schema, components });
}

describe('the OpenAPI document', () => {
  it('is valid, and has each operation once', async () => {
    const result = await new Validator().validate(JSON.parse(JSON.stringify(openApiDocument())) as never);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(
      operations()
        .map(({ operationId }) => operationId)
        .sort(),
    ).toEqual([...OPERATION_NAMES].sort());
  });

  it('has a body for each operation that takes one, and for no other', () => {
    for (const { operationId, requestBody } of operations()) {
      const { method } = ROUTES[operationId as OperationName];
      expect(requestBody !== undefined, operationId).toBe(['POST', 'PUT', 'PATCH'].includes(method));
    }
  });

  it('says what the operations answer', async () => {
    const { scheduler } = await createRunning({ work: () => 'done', broken: () => Promise.reject(new Error('no')) });
    const local = new LocalOperations(scheduler);
    const trigger = { type: 'interval', hours: 1 } as const;
    const answers: Partial<Record<OperationName, unknown>> = {};
    answers.addTask = await local.addTask({ id: 'a', handler: 'work', trigger, args: [1], retry: 2 });
    answers.addTasks = await local.addTasks({ tasks: [{ id: 'b', handler: 'broken', trigger }] });
    answers.upsertTask = await local.upsertTask({ id: 'a', handler: 'work', trigger });
    answers.updateTask = await local.updateTask({ id: 'a', name: 'x' });
    answers.rescheduleTask = await local.rescheduleTask({
      id: 'a',
      trigger: { type: 'cron', expression: '* * * * *' },
    });
    answers.pauseTask = await local.pauseTask({ id: 'a' });
    answers.resumeTask = await local.resumeTask({ id: 'a' });
    answers.runTask = await local.runTask({ id: 'b', wait: true });
    const { runId } = answers.runTask as { runId: string };
    answers.getRun = await local.getRun({ runId });
    answers.waitForRun = await local.waitForRun({ runId });
    answers.redriveRuns = await local.redriveRuns({ filter: {} });
    answers.listRuns = await local.listRuns();
    answers.getInfo = await local.getInfo();
    answers.getHealth = await local.getHealth();
    answers.listInstances = await local.listInstances();
    answers.listStores = await local.listStores();
    answers.listExecutors = await local.listExecutors();
    answers.listHandlers = await local.listHandlers();
    answers.listTasks = await local.listTasks();
    answers.getTask = await local.getTask({ id: 'a' });
    answers.previewTask = await local.previewTask({ id: 'a' });
    answers.getTimeline = await local.getTimeline();
    answers.exportTask = await local.exportTask({ id: 'a' });
    answers.exportTasks = await local.exportTasks();
    answers.listUnreadable = await local.listUnreadable();
    answers.countTasks = await local.countTasks();
    answers.pauseTasks = await local.pauseTasks({ filter: { handler: 'work' } });
    answers.deleteTask = await local.deleteTask({ id: 'a' });
    answers.getJournal = await local.getJournal({ kind: 'task.added,task.paused' });
    expect((answers.getJournal as { entries: { kind: string }[] }).entries.map(({ kind }) => kind)).toContain(
      'task.added',
    );
    answers.diagnose = await local.diagnose();
    answers.getForecast = await local.getForecast({ limit: 3 });
    for (const { operationId, responses } of operations()) {
      const answer = answers[operationId as OperationName];
      if (answer === undefined) continue;
      const { schema } = Object.values((responses[200] ?? responses[201])!.content!)[0]!;
      const isValid = validatorOf(schema);
      expect(isValid(JSON.parse(JSON.stringify(answer))), `${operationId}: ${JSON.stringify(isValid.errors)}`).toBe(
        true,
      );
    }
    expect(Object.keys(answers).length).toBeGreaterThan(25);
  });
});
