// Command terraformcli prints the path of a Terraform CLI: the one it keeps in the user's cache directory, which it
// downloads from HashiCorp's releases and checks by signature the first time. The make targets call it when neither
// terraform nor tofu is on PATH.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
)

const (
	terraformVersion = "1.14.0"
	downloadTimeout  = 5 * time.Minute
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "Neither terraform nor tofu is on PATH, and Terraform %s could not be downloaded (%v): "+
			"install Terraform or OpenTofu 1.11 or newer and put it on PATH.\n", terraformVersion, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	path, err := cached(ctx)
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// cached returns Terraform in the cache directory and downloads it when it is not there yet.
func cached(ctx context.Context) (string, error) {
	return keep("terraform", terraformVersion, func(directory, name string) error { return download(ctx, directory, name) })
}

// keep returns a program in the cache directory and lets fetch put it there when it is missing.
func keep(program, version string, fetch func(directory, name string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	directory := filepath.Join(cache, "terraform-provider-cosell", program+"-"+version)
	name := program
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(directory, name)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return "", fmt.Errorf("make the cache directory: %w", err)
	}
	return path, fetch(directory, name)
}

// download fetches into a directory of its own and renames the program into place, so that an interrupted download leaves
// no half program, and two downloads at once do no harm.
func download(ctx context.Context, directory, name string) error {
	fresh, err := os.MkdirTemp(directory, "download-")
	if err != nil {
		return fmt.Errorf("make the download directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	fmt.Fprintf(os.Stderr, "Neither terraform nor tofu is on PATH: downloading Terraform %s into %s\n", terraformVersion, directory)
	release := releases.ExactVersion{
		Product:    product.Terraform,
		Version:    version.Must(version.NewVersion(terraformVersion)),
		InstallDir: fresh,
		LicenseDir: fresh,
		Timeout:    downloadTimeout,
	}
	path, err := release.Install(ctx)
	if err != nil {
		return err
	}
	return os.Rename(path, filepath.Join(directory, name))
}
