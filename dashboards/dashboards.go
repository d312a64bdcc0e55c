package dashboards

// All are the dashboards, in the order in which docs/grafana.md shows them.
func All() []Dashboard {
	return []Dashboard{suiteOverview(), seriesExplorer(), regressions(), noiseAndMachines(), botActivity(), pipeline()}
}
