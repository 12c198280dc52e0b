/** All that figures offer: figure functions, and saving them. */
export { type Box, crop } from '../data/picture';
export { classStatistics } from './class_statistics';
export { heatMap, LINE_COLOURS, viridis } from './colours';
export { type Figure, type FigureFormat, saveFigure } from './figure';
export { type Cell, type GridOptions, GridSheet, imageGrid } from './grid';
export { type ClassStyles, classLegend, colourLabels, overlayLabels } from './labels';
export { lgganPanel, type PanelOptions } from './lggan_panel';
export { type HistoryColumns, type HistoryRow, type LossCurveOptions, lossCurves } from './loss_curves';
export { pairGrid, type PairGridOptions } from './pairs';
export { perClassLocal, type PerClassOptions } from './per_class_local';
export { Plot, type PlotlyFigure, type PlotOptions } from './plot';
export { type Sample, samplesOverTime, type SamplesOptions } from './samples_over_time';
export { type KernelPoint, type SauKernelOptions, sauKernels } from './sau_kernels';
export { mostDetailed, srComparison, type SrComparisonOptions, type SrExample } from './sr_comparison';
