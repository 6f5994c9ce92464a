//go:build tools

// Package kwok pins what plays nodes and kubelets for the tests.
package kwok

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
