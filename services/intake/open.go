package intake

import (
	"context"

	"tidemark/pkg/auth"
)

// SetTokens puts the tokens of the file in the place of those known before, which stay when the error is not nil.
func (s *Service) SetTokens(tokens []auth.Token) error { return s.keys.Replace(tokens) }

// WhenOpened has opened called before a submission goes into the log for a database that the configuration does not name: what is
// to be there before its first run. It is called for every such submission, and must be cheap where there is nothing to do. It is
// set before anything is served.
func (s *Service) WhenOpened(opened func(ctx context.Context, database string) error) {
	s.opened = opened
}

// opens says that a submission may make the database.
func (s *Service) opens(database string) bool { return s.opened != nil && !s.cfg.names(database) }

// open prepares a database that a submission makes. What fails is not the submission's fault, and is tried again with the next.
func (s *Service) open(ctx context.Context, database string) {
	if err := s.opened(ctx, database); err != nil {
		s.logger.WarnContext(ctx, "new database not prepared", "database", database, "err", err)
	}
}
