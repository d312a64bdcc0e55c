package readsql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark/pkg/turns"
)

// Limits bounds what people may ask. A zero field takes its default.
type Limits struct {
	MaxExecutionTime time.Duration // of one statement; default 30 s
	MaxMemory        int64         // bytes of one statement; default 1 GiB
	MaxRowsToRead    int64         // default 2e9
	MaxResultRows    int64         // default 1e6
	MaxResultBytes   int64         // default 256 MiB
	MaxThreads       int           // of one statement; default 2
	MaxStatement     int           // bytes of statement text; default 256 KiB
	Concurrent       int           // statements running at once; default 4
	Queue            int           // statements waiting; default 32, more get 503
	QueueWait        time.Duration // longest wait; default 5 s, then 503
	Turns            *turns.Share  // to be taken instead of turns of its own by Concurrent, Queue and QueueWait
	Hosts            []string      // Host names answered besides loopback ones, by a port of its own

	Secrets map[string]struct{} // tables and views that no statement may read; see [Secrets]
}

// DefaultLimits are the defaults of all fields.
func DefaultLimits() Limits {
	return Limits{
		MaxExecutionTime: 30 * time.Second, MaxMemory: 1 << 30, MaxRowsToRead: 2e9, MaxResultRows: 1e6,
		MaxResultBytes: 256 << 20, MaxThreads: 2, MaxStatement: 256 << 10,
		Concurrent: 4, Queue: 32, QueueWait: 5 * time.Second,
	}
}

// WithDefaults fills fields that are zero.
func (l Limits) WithDefaults() Limits {
	d := DefaultLimits()
	orDefault(&l.MaxExecutionTime, d.MaxExecutionTime)
	orDefault(&l.MaxMemory, d.MaxMemory)
	orDefault(&l.MaxRowsToRead, d.MaxRowsToRead)
	orDefault(&l.MaxResultRows, d.MaxResultRows)
	orDefault(&l.MaxResultBytes, d.MaxResultBytes)
	orDefault(&l.MaxThreads, d.MaxThreads)
	orDefault(&l.MaxStatement, d.MaxStatement)
	orDefault(&l.Concurrent, d.Concurrent)
	orDefault(&l.Queue, d.Queue)
	orDefault(&l.QueueWait, d.QueueWait)
	return l
}

func orDefault[T int | int64 | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// bounds are the settings a request may lower and not raise.
func (l Limits) bounds() map[string]float64 {
	return map[string]float64{
		"max_execution_time": l.MaxExecutionTime.Seconds(),
		"max_memory_usage":   float64(l.MaxMemory),
		"max_rows_to_read":   float64(l.MaxRowsToRead),
		"max_result_rows":    float64(l.MaxResultRows),
		"max_result_bytes":   float64(l.MaxResultBytes),
		"max_threads":        float64(l.MaxThreads),
	}
}

// fixed are settings no request can change; they hold whatever the statement is.
var fixed = map[string]string{
	"readonly":                      "1",
	"allow_ddl":                     "0",
	"allow_introspection_functions": "0",
	"function_sleep_max_microseconds_per_block": "1",
	"implicit_select": "0",
	"use_query_cache": "0",
	// Joins as they are written, in views above all: see the store's settings for reads.
	"query_plan_optimize_join_order_limit":      "0",
	"compile_expressions":                       "0", // as there
	"max_temporary_data_on_disk_size_for_query": strconv.Itoa(2 << 30),
	"max_execution_speed":                       "0",
	"timeout_overflow_mode":                     "throw",
	"read_overflow_mode":                        "throw",
	"result_overflow_mode":                      "throw",
}

// Settings a request may bring: how answers look and how NULLs and time zones behave. Others
// are ignored, as most are tuning; those that would loosen a rule are refused.
var settingsTaken = []string{
	"output_format_", "format_csv_", "format_tsv_", "date_time_output_format", "session_timezone", "join_use_nulls",
	"group_by_use_nulls", "union_default_mode", "prefer_column_name_to_alias", "limit", "offset", "extremes",
	"aggregate_functions_null_for_empty", "additional_table_filters", "enable_http_compression", "network_compression_method",
}

// SettingError is about a setting that a request brings.
type SettingError struct {
	Reason    string
	Malformed bool // it is no number
}

func (e *SettingError) Error() string { return e.Reason }

// Settings merges a request's settings with the rules. The error is a [*SettingError].
func (l Limits) Settings(asked map[string]string) (map[string]string, error) {
	settings := map[string]string{}
	for name, value := range asked {
		if name == "readonly" && (value == "1" || value == "2") {
			continue
		}
		if rule, ok := fixed[name]; ok && value != rule {
			return nil, &SettingError{Reason: fmt.Sprintf("Setting %s is %s on this port and cannot be changed.", name, rule)}
		}
		if name == "additional_table_filters" && !ownFilters.MatchString(value) {
			return nil, &SettingError{Reason: "Setting additional_table_filters is not for readers: write a WHERE."}
		}
		if slices.ContainsFunc(settingsTaken, func(taken string) bool {
			return name == taken || strings.HasSuffix(taken, "_") && strings.HasPrefix(name, taken)
		}) {
			settings[name] = value
		}
	}
	for name, bound := range l.bounds() {
		settings[name] = strconv.FormatFloat(bound, 'f', -1, 64)
		value, ok := asked[name]
		if !ok {
			continue
		}
		number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(number >= 0) {
			return nil, &SettingError{Reason: fmt.Sprintf("Setting %s: %s is not a number.", name, value), Malformed: true}
		}
		if loose := number == 0 || number > bound; loose && name == "max_execution_time" {
			continue // clients derive it from their own deadlines; ours holds
		} else if loose {
			return nil, &SettingError{Reason: fmt.Sprintf("Setting %s can be at most %s on this port, not %s.", name, settings[name], value)}
		}
		settings[name] = value
	}
	for name, value := range fixed {
		settings[name] = value
	}
	return settings, nil
}
