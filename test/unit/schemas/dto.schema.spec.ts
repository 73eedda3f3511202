import 'reflect-metadata';
import { Transform, Type } from 'class-transformer';
import { IsArray, IsDate, IsInt, IsString, Min, MinLength, ValidateNested } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { ArgumentsRefusedError, InvalidOptionError } from 'nestjs-asyncz';
import { dtoSchema } from 'nestjs-asyncz/class-validator';
import type { DtoSchemaOptions } from 'nestjs-asyncz/class-validator';
import { createRunning } from '../../support/scheduler.factory.js';
import { HOURLY } from '../../support/task.factory.js';

class PageDto {
  @IsInt()
  @Min(1)
  width!: number;
}

class ReportDto {
  @IsString()
  @MinLength(1)
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  customer!: string;

  @IsDate()
  @Type(() => Date)
  since: Date = new Date(0);

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PageDto)
  pages: PageDto[] = [];

  title(): string {
    return `${this.customer} since ${this.since.getTime()}`;
  }
}

async function withDto(options?: DtoSchemaOptions) {
  const { scheduler } = await createRunning();
  const seen: unknown[] = [];
  scheduler.registerHandler(
    'report',
    ([report]) => {
      seen.push(report);
      return report instanceof ReportDto ? report.title() : 'plain';
    },
    { schema: dtoSchema(ReportDto, options) },
  );
  return { scheduler, seen };
}

describe('a class with the decorators of class-validator', () => {
  it('gives the handler an instance, with what class-transformer makes of the data', async () => {
    const { scheduler, seen } = await withDto();
    const data = { customer: ' ann ', since: '2026-01-01T00:00:00.000Z', pages: [{ width: 7 }] };
    const task = await scheduler.addTask({ handler: 'report', data, trigger: HOURLY });
    expect(task.info.data).toEqual(data);
    const { result } = await scheduler.runTask(task, { wait: true });
    expect(result).toBe(`ann since ${Date.UTC(2026, 0, 1)}`);
    expect((seen[0] as ReportDto).pages[0]).toBeInstanceOf(PageDto);
  });

  it('names path and rule of what it refuses, also inside of lists', async () => {
    const { scheduler } = await withDto();
    const data = { customer: '', since: 'x', pages: [{ width: 1 }, { width: 0.5 }] };
    const error = await scheduler.addTask({ handler: 'report', data }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ArgumentsRefusedError);
    expect((error as ArgumentsRefusedError).issues).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: 'data.customer', rule: 'minLength' }),
        expect.objectContaining({ path: 'data.since', rule: 'isDate' }),
        expect.objectContaining({ path: 'data.pages[1].width', rule: 'isInt' }),
      ]),
    );
    expect((await scheduler.getTaskInfos()).total).toBe(0);
  });

  it('takes the options of class-validator', async () => {
    const data = { customer: 'ann', other: true };
    const { scheduler: strict } = await withDto({ whitelist: true, forbidNonWhitelisted: true });
    await expect(strict.addTask({ handler: 'report', data })).rejects.toThrow(/data\.other: .*\(whitelistValidation\)/);
    const { scheduler, seen } = await withDto({ whitelist: true });
    const task = await scheduler.addTask({ handler: 'report', data, trigger: HOURLY });
    await scheduler.runTask(task, { wait: true });
    expect(seen[0]).not.toHaveProperty('other');
  });

  it('refuses a list of arguments', async () => {
    const { scheduler } = await withDto();
    await expect(scheduler.addTask({ handler: 'report', args: [{ customer: 'ann' }] })).rejects.toThrow(
      /args: an instance of ReportDto is made of "data", one object \(object\)/,
    );
  });

  it('tells no more of ten thousand faults than fit', async () => {
    const { scheduler } = await withDto();
    const pages = Array.from({ length: 10_000 }, () => ({ width: 0 }));
    const error = await scheduler
      .addTask({ handler: 'report', data: { customer: 'ann', pages } })
      .catch((e: unknown) => e);
    expect((error as ArgumentsRefusedError).issues).toHaveLength(10);
  });

  it('has to be a class', () => {
    expect(() => dtoSchema({} as never)).toThrow(InvalidOptionError);
  });
});
