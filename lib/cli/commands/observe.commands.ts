import type { Finding } from '../../observe/doctor/diagnosis.js';
import { EXIT } from '../cli.errors.js';
import { answer, defineCommand, repeated } from '../command.spec.js';
import { given } from './input.options.js';
import { localScheduler } from './local.scheduler.js';

export const doctor = defineCommand<{ strict?: boolean; in?: string; ignore?: readonly string[] }>({
  name: 'doctor',
  summary: 'look for what is wrong with tasks, stores and schedulers; exit code 5 if something is',
  options: [
    { flags: '--strict', description: 'exit code 5 for warnings too' },
    { flags: '--in <alias>', description: 'only this store' },
    { flags: '--ignore <code>', description: 'leave out findings of this code; may be repeated', parse: repeated },
  ],
  role: 'observer',
  async run({ scheduler, options: { strict = false, in: store, ignore } }) {
    const diagnosis = await localScheduler(scheduler, 'doctor').diagnose(given({ store, ignore }));
    const { counts, findings, leftOut } = diagnosis;
    const isHealthy = counts.error === 0 && (!strict || counts.warning === 0);
    return answer(
      diagnosis,
      (print) => {
        for (const finding of findings) {
          print.heading(`${finding.severity}: ${finding.what}`);
          print.fields({
            code: finding.code,
            of: subjectOf(finding),
            why: finding.why,
            advice: finding.advice,
            sure: finding.confidence,
          });
        }
        if (findings.length > 0) print.line();
        print.line(`${counts.error} errors, ${counts.warning} warnings, ${counts.info} notes`);
        for (const sentence of leftOut) print.line(sentence);
      },
      isHealthy ? EXIT.ok : EXIT.refused,
    );
  },
});

function subjectOf({ subject: { kind, id, store } }: Finding): string {
  return `${kind} ${id}${store === null || kind === 'store' ? '' : ` in ${store}`}`;
}
