"""What writes or measures: the API's documents, the model of the template, the runner of the benchmarks."""
