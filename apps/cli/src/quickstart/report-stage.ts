import { writeFileAtomic, writeJsonAtomic } from '@vlprm/core/runtime';
import { runPaths } from '@vlprm/data/storage';
import { assembleReport } from '../report/assemble.ts';
import { reportPage } from '../report/html/page.ts';
import type { Report } from '../report/report-schema.ts';
import { readStage } from './stage-files.ts';

/**
 * Writes report.json and report.html from what the stages of a run measured.
 * @throws ERR_FILE_MISSING when the run has not come to its end, ERR_FILE_MALFORMED
 */
export async function writeRunReport(runFolder: string, outFolder: string): Promise<Report> {
  const report = assembleReport({
    run: await readStage(runFolder, 'run'),
    synthesis: await readStage(runFolder, 'synthesis'),
    training: await readStage(runFolder, 'training'),
    evaluation: await readStage(runFolder, 'evaluation'),
    inference: await readStage(runFolder, 'inference'),
  });
  const page = reportPage(report, await readStage(runFolder, 'gallery'));
  const paths = runPaths(outFolder);
  await writeJsonAtomic(paths.reportJson, report);
  await writeFileAtomic(paths.reportHtml, page);
  return report;
}
