package clickhouse

import (
	"fmt"
	"os"
	"path/filepath"
)

// The engine gets a configuration of its own, so that a config.xml in the working
// directory or the home folder of whoever starts the process changes nothing.
//
// A submission alone is an insert into half a dozen tables. Merging two parts at a time
// would write each row a dozen times over; ten at a time still writes a row 2.7 times in the
// first fifty submissions, twenty 1.2 times. Statistics that no query here uses would
// double the files of a part.
const serverConfig = `<clickhouse>
  <os_threads_nice_value_merge_mutate>10</os_threads_nice_value_merge_mutate>
  <merge_tree>
    <auto_statistics_types></auto_statistics_types>
    <min_parts_to_merge_at_once>20</min_parts_to_merge_at_once>
  </merge_tree>
  <mark_cache_size>268435456</mark_cache_size>
  <max_server_memory_usage>%d</max_server_memory_usage>
</clickhouse>
`

// Rights come from roles: a connection that has run SET ROLE reader has no right to write or
// to reach files and other servers, whatever its settings say. The user itself has none.
const usersConfig = `<clickhouse>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
  <roles>
    <owner><grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></owner>
    <reader><grants><query>GRANT SHOW, SELECT ON *.*</query></grants></reader>
  </roles>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants><query>GRANT owner, reader</query></grants>
  </default></users>
</clickhouse>
`

// bootArguments writes the configuration and returns the first connection's arguments.
func (e *Engine) bootArguments() ([]string, error) {
	dir := filepath.Join(e.cfg.Path, "engine")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config, users := filepath.Join(dir, "config.xml"), filepath.Join(dir, "users.xml")
	if err := os.WriteFile(config, fmt.Appendf(nil, serverConfig, e.cfg.MemoryLimit), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(users, []byte(usersConfig), 0o600); err != nil {
		return nil, err
	}
	return []string{
		"clickhouse", "--path=" + e.cfg.Path, "--config-file=" + config, "--users_config=" + users,
		"--user_scripts_path=" + filepath.Join(dir, "no-scripts"),
	}, nil
}
