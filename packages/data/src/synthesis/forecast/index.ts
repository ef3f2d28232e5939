export { callsFor, forecastEstimation, type EstimationLoad, type EstimationPlan } from './forecast-estimation.ts';
export {
  ASSUMED,
  assumedPopulation,
  measuredPopulation,
  summarizePopulation,
  type Population,
  type PopulationSummary,
  type ProblemOutline,
} from './population.ts';
