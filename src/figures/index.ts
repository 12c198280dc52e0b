/** All that figures offer: figure functions, saving them, and showing them in a notebook. */
export { type Ablation, ablationFigure, ablationFrame, ablationTable, readAblation } from '../../experiments/figures/ablation';
export { classStatistics } from './class_statistics';
export { type FloatMap, heatMap, LINE_COLOURS, rangeOf, viridis } from './colours';
export { confusionPlot } from './confusion';
export { evaluationCurves } from '../../experiments/figures/evaluation_curves';
export { featureUpsampling } from '../../experiments/figures/feature_upsampling';
export { type Figure, type FigureFormat, saveFigure } from './figure';
export { type Cell, type GridOptions, GridSheet, imageGrid } from './grid';
export { type Box, crop } from './images';
export { type ClassStyles, classLegend, colourLabels, overlayLabels } from './labels';
export { lgganPanel, type PanelOptions } from './lggan_panel';
export { type LiveOptions, type LiveTraining, liveTraining } from '../notebook/live';
export { type HistoryColumns, type HistoryRow, type LossCurveOptions, lossCurves } from './loss_curves';
export { discriminatorDiagram } from '../../experiments/figures/network/discriminator_diagram';
export { lgganDiagram } from '../../experiments/figures/network/lggan_diagram';
export { rcanDiagram } from '../../experiments/figures/network/rcan_diagram';
export { pairGrid, type PairGridOptions } from './pairs';
export { perClassLocal, type PerClassOptions } from './per_class_local';
export { Plot, type PlotlyFigure, type PlotOptions, plotPng, savePlot } from './plot';
export { type Caption, savePrint } from '../../experiments/figures/print';
export { measuresFigure, readEvaluation, resultsFigure } from '../../experiments/figures/results';
export { type Sample, samplesOverTime, type SamplesOptions } from './samples_over_time';
export {
  choosePoints,
  type Kernel,
  type KernelPoint,
  readKernels,
  type SauKernelOptions,
  sauKernels,
} from './sau_kernels';
export { SauExplorer, sauExplorer, type SauExplorerOptions } from './sau_explorer/sau_explorer';
export {
  inNotebook,
  markdownTable,
  show,
  Slot,
  type Showable,
  showHtml,
  showInteractive,
  showMarkdown,
  type ShowOptions,
  showTable,
} from '../notebook/show';
export { type Painted, sketchLandscape } from './sketch_landscape';
export { mostDetailed, srComparison, type SrComparisonOptions, type SrExample } from './sr_comparison';
export { tableFigure, type TableOptions } from '../../experiments/figures/table';
export { imageFromTensor, imagesFromTensor, mapsFromTensor } from '../data/tensors';
