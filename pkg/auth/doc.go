// Package auth says who may do what. A request carries at most one secret; it is the one token that LNT knows, which may do
// everything, or one of the tokens of a file, each with a name, a scope and perhaps a list of databases.
//
// Secrets are never kept, only their SHA-256, and comparing takes the same time whatever is compared. A secret that is not
// known is never taken for no secret at all.
package auth
