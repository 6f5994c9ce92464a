//go:build tools

// Package helm pins the real Helm that the tests run against.
package helm

import (
	_ "helm.sh/helm/v3/cmd/helm"
)
