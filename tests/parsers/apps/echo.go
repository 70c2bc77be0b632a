// Responds with the request as Go's net/http reads it: see ../reading.rs.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

func echo(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var lines strings.Builder
	fmt.Fprintf(&lines, "method %x\ntarget %x\n", request.Method, request.RequestURI)
	// Go removes these two from the headers.
	fmt.Fprintf(&lines, "header %x %x\n", "host", request.Host)
	if request.Header.Get("Content-Length") == "" {
		fmt.Fprintf(&lines, "header %x %x\n", "content-length", fmt.Sprint(request.ContentLength))
	}
	for name, values := range request.Header {
		for _, value := range values {
			fmt.Fprintf(&lines, "header %x %x\n", name, value)
		}
	}
	fmt.Fprintf(&lines, "body %x", sha256.Sum256(body))
	io.WriteString(response, lines.String())
}

func main() {
	listener, err := net.Listen("unix", os.Getenv("SOCKET"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, http.HandlerFunc(echo)))
}
