export { type Box, crop } from '../data/picture';
/** All that figures offer: figure functions, and saving them. */
export { classStatistics } from './class_statistics';
export { heatMap, LINE_COLOURS, rangeOf, viridis } from './colours';
export { confusionPlot } from './confusion';
export { type Figure, type FigureFormat, saveFigure } from './figure';
export { type Cell, type GridOptions, GridSheet, imageGrid } from './grid';
export { type ClassStyles, classLegend, colourLabels, overlayLabels } from './labels';
export { lgganPanel, type PanelOptions } from './lggan_panel';
export { type HistoryColumns, type HistoryRow, type LossCurveOptions, lossCurves } from './loss_curves';
export { pairGrid, type PairGridOptions } from './pairs';
export { perClassLocal, type PerClassOptions } from './per_class_local';
export { Plot, type PlotlyFigure, type PlotOptions, plotPng, savePlot } from './plot';
export { type Sample, samplesOverTime, type SamplesOptions } from './samples_over_time';
export { choosePoints, type Kernel, type KernelPoint, readKernels, type SauKernelOptions, sauKernels } from './sau_kernels';
export { SauExplorer, sauExplorer, type SauExplorerOptions } from './sau_explorer/sau_explorer';
export { mostDetailed, srComparison, type SrComparisonOptions, type SrExample } from './sr_comparison';
