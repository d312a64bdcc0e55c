package dashboards

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Kind is what draws a panel.
type Kind string

// The kinds in use.
const (
	TimeSeries Kind = "timeseries"
	Stat       Kind = "stat"
	Table      Kind = "table"
	Bars       Kind = "barchart"
)

// Formats of a query's answer, as the plugin numbers them.
const (
	formatTimeSeries = 0
	formatTable      = 1
)

const (
	pluginType = "grafana-clickhouse-datasource"
	sourceUID  = "tidemark"
	// width is that of Grafana's grid.
	width = 24
)

// Panel is one picture.
type Panel struct {
	Title, Description string
	Kind               Kind
	// SQL is the query. A time series' has a column time, in order; texts name the series.
	SQL string
	// Unit is Grafana's name of a unit, Units that of single columns of a table.
	Unit  string
	Units map[string]string
	// Width and Height are in units of Grafana's grid.
	Width, Height int
	// Page is the address that tells more, below Tidemark's own; empty for the home page. Pages are those of single columns, which
	// may name others of the row.
	Page  string
	Pages map[string]string
	// Hidden columns are there for Pages alone.
	Hidden []string
	// Drawn is "points", "bars" or empty for lines.
	Drawn string
	// Log is for values that span orders of magnitude.
	Log bool
	// Levels colour a stat or a column from a value on: green below the first, then orange, then red.
	Levels []float64
}

// Variable is a choice above the panels.
type Variable struct {
	Name, Label string
	// SQL gives its values: one column, or value and text.
	SQL string
	// Many may be chosen, and All.
	Many bool
	// Text is what a field to type into holds at first, when there is no SQL.
	Text string
	// Fixed is one that people do not see.
	Fixed bool
}

// Annotation marks places in time.
type Annotation struct {
	Name, Colour, SQL string
	// Off is shown when somebody asks for it.
	Off bool
}

// Dashboard is one page of panels.
type Dashboard struct {
	UID, Title, Description string
	// From is where its time begins at first, such as now-1y.
	From        string
	Refresh     string
	Variables   []Variable
	Annotations []Annotation
	Panels      []Panel
}

type object = map[string]any

func source() object { return object{"type": pluginType, "uid": sourceUID} }

// JSON is the file that Grafana reads.
func (d Dashboard) JSON() ([]byte, error) {
	doc := object{
		"uid": d.UID, "title": d.Title, "description": d.Description, "tags": []string{"tidemark"},
		"editable": true, "graphTooltip": 1, "refresh": d.Refresh, "schemaVersion": 41, "timezone": "browser",
		"time": object{"from": d.From, "to": "now"}, "timepicker": object{}, "version": 1,
		"annotations": object{"list": mapped(d.Annotations, annotation)},
		"templating":  object{"list": mapped(d.Variables, variable)},
		"links": []object{
			{"type": "dashboards", "title": "Tidemark", "tags": []string{"tidemark"}, "asDropdown": true, "includeVars": true, "keepTime": true},
			{"type": "link", "title": "Pages", "url": "${root}", "icon": "external link", "targetBlank": true},
		},
		"panels": d.laidOut(),
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode dashboard %s: %w", d.UID, err)
	}
	return append(text, '\n'), nil
}

// laidOut puts the panels into rows, from left to right.
func (d Dashboard) laidOut() []object {
	out := make([]object, 0, len(d.Panels))
	x, y, tall := 0, 0, 0
	for i, p := range d.Panels {
		if x+p.Width > width {
			x, y, tall = 0, y+tall, 0
		}
		out = append(out, p.object(i+1, object{"x": x, "y": y, "w": p.Width, "h": p.Height}))
		x, tall = x+p.Width, max(tall, p.Height)
	}
	return out
}

func (p Panel) object(id int, place object) object {
	return object{
		"id": id, "type": string(p.Kind), "title": p.Title, "description": p.Description, "datasource": source(), "gridPos": place,
		"fieldConfig": object{"defaults": p.defaults(), "overrides": p.overrides()},
		"options":     p.options(),
		"links":       []object{{"title": "Page", "url": page(p.Page), "targetBlank": true}},
		"targets":     []object{p.target()},
	}
}

func (p Panel) target() object {
	t := query(p.SQL, formatTable)
	if p.Kind == TimeSeries {
		t = query(p.SQL, formatTimeSeries)
	}
	t["refId"] = "A"
	return t
}

func query(sql string, format int) object {
	kind := "table"
	if format == formatTimeSeries {
		kind = "timeseries"
	}
	return object{
		"datasource": source(), "editorType": "sql", "queryType": kind, "format": format, "pluginVersion": PluginVersion, "rawSql": tidy(sql),
	}
}

// PluginVersion is the plugin's that docker-compose.yml installs.
const PluginVersion = "4.21.2"

func (p Panel) defaults() object {
	custom := object{}
	switch p.Kind {
	case TimeSeries:
		custom = object{
			"drawStyle": map[string]string{"": "line", "points": "points", "bars": "bars"}[p.Drawn], "lineWidth": 1, "pointSize": 4,
			"fillOpacity": map[string]int{"": 0, "points": 0, "bars": 60}[p.Drawn], "showPoints": "auto", "spanNulls": true,
			"stacking":          object{"mode": map[string]string{"": "none", "points": "none", "bars": "normal"}[p.Drawn], "group": "A"},
			"scaleDistribution": scale(p.Log),
		}
	case Bars:
		custom = object{"fillOpacity": 70, "lineWidth": 1, "scaleDistribution": scale(p.Log)}
	case Table:
		custom = object{"filterable": true}
	case Stat:
	}
	mode := "palette-classic"
	if p.Kind == Stat || (p.Kind == Table && len(p.Levels) > 0) {
		mode = "thresholds"
	}
	return object{
		"unit": p.Unit, "custom": custom, "color": object{"mode": mode}, "mappings": []object{},
		"thresholds": object{"mode": "absolute", "steps": steps(p.Levels)},
	}
}

func scale(logarithmic bool) object {
	if logarithmic {
		return object{"type": "log", "log": 10}
	}
	return object{"type": "linear"}
}

func steps(levels []float64) []object {
	out := []object{{"color": "green", "value": nil}}
	for i, from := range levels {
		out = append(out, object{"color": []string{"orange", "red"}[min(i, 1)], "value": from})
	}
	return out
}

func (p Panel) overrides() []object {
	properties := map[string][]object{}
	add := func(column, id string, value any) {
		properties[column] = append(properties[column], object{"id": id, "value": value})
	}
	for _, column := range slices.Sorted(maps.Keys(p.Units)) {
		add(column, "unit", p.Units[column])
	}
	for _, column := range slices.Sorted(maps.Keys(p.Pages)) {
		add(column, "links", []object{{"title": "Page", "url": page(p.Pages[column]), "targetBlank": true}})
	}
	for _, column := range p.Hidden {
		add(column, "custom.hidden", true)
	}
	out := []object{}
	for _, column := range slices.Sorted(maps.Keys(properties)) {
		out = append(out, object{"matcher": object{"id": "byName", "options": column}, "properties": properties[column]})
	}
	return out
}

func (p Panel) options() object {
	switch p.Kind {
	case Stat:
		return object{
			"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"colorMode":     "value", "graphMode": "none", "textMode": "auto", "orientation": "auto",
		}
	case Table:
		return object{"showHeader": true, "cellHeight": "sm"}
	case Bars:
		return object{"orientation": "horizontal", "legend": object{"showLegend": false}, "tooltip": object{"mode": "single"}, "showValue": "auto"}
	default:
		return object{
			"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
			"tooltip": object{"mode": "multi", "sort": "desc"},
		}
	}
}

// page is an address below Tidemark's.
func page(path string) string { return "${root}/" + path }

func variable(v Variable) object {
	out := object{"name": v.Name, "label": v.Label, "hide": 0, "skipUrlSync": false}
	if v.Fixed {
		out["hide"] = 2
	}
	if v.SQL == "" {
		out["type"], out["query"] = "textbox", v.Text
		out["current"] = object{"text": v.Text, "value": v.Text}
		return out
	}
	out["type"], out["datasource"], out["definition"], out["query"] = "query", source(), tidy(v.SQL), tidy(v.SQL)
	out["refresh"], out["sort"], out["multi"], out["includeAll"] = 1, 0, v.Many, v.Many
	if v.Many {
		out["current"] = object{"text": []string{"All"}, "value": []string{"$__all"}}
	}
	return out
}

func annotation(a Annotation) object {
	target := query(a.SQL, formatTable)
	target["refId"] = "Anno"
	return object{"name": a.Name, "datasource": source(), "enable": !a.Off, "hide": false, "iconColor": a.Colour, "target": target}
}

func mapped[T any](list []T, f func(T) object) []object {
	out := make([]object, 0, len(list))
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}

// tidy takes off the indentation that a query has in the source.
func tidy(sql string) string {
	lines := strings.Split(strings.Trim(sql, "\n\t "), "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "\t\t")
	}
	return strings.Join(lines, "\n")
}
