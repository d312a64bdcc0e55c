package detect

import (
	"context"
	"fmt"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// DropAbandoned drops the tables of points that a process left which ended while it judged: those made more than an hour ago. They
// hold memory as long as the server runs.
func DropAbandoned(ctx context.Context, s *store.Store) error {
	type row struct {
		Name string `ch:"name"`
	}
	rows, err := store.Select[row](ctx, s, sql.File{Name: "abandoned_points", Text: `SELECT name
FROM system.tables
WHERE database = {points_database:String}
    AND startsWith(name, {points_prefix:String})
    AND engine = 'Memory'
    AND metadata_modification_time < now() - INTERVAL 1 HOUR
ORDER BY name`}, store.Params{"points_database": s.Database(), "points_prefix": tablePrefix})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := s.Exec(ctx, "DROP TABLE IF EXISTS "+r.Name+" SYNC", nil); err != nil {
			return fmt.Errorf("drop %s: %w", r.Name, err)
		}
	}
	return nil
}
