/** What a notebook imports beside the library: networks judged, the ablation, the papers' figures. */
export { evaluateNetwork, evaluatePairs, networkTable } from './evaluation/network';
export { NO_CONTEST, findContest } from './evaluation/contest';
export { PUBLISHED_ROWS, resultsTable } from './evaluation/contest_score';
export { measuresTable } from './evaluation/evaluator';
export { bestAndWorst, galleries, gallery } from './evaluation/galleries';
export { findJudges } from './evaluation/judges';
export { confusionFigure } from './evaluation/judge_report';
export { type Ablation, readAblation } from './ablation/statistics';
export { ablationFigure, ablationFrame, ablationTable } from './figures/ablation';
export { evaluationCurves } from './figures/evaluation_curves';
export { featureUpsampling } from './figures/feature_upsampling';
export { discriminatorDiagram } from './figures/network/discriminator_diagram';
export { lgganDiagram } from './figures/network/lggan_diagram';
export { rcanDiagram } from './figures/network/rcan_diagram';
export { type Caption, savePrint } from './figures/print';
export { measuresFigure, readEvaluation, resultsFigure } from './figures/results';
export { tableFigure, type TableOptions } from './figures/table';
