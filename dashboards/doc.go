// Package dashboards defines what Grafana shows of Tidemark: the files of json/ are written from it.
//
// A panel reads the views v_* alone, has a unit and a sentence, and leads to the page that tells more. Tests expand every
// query as the data source's plugin does, run it on the engine with data, and look at what comes back; so are the queries of
// variables, annotations and the alert rules of provisioning/.
package dashboards
