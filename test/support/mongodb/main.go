// A MongoDB server for the tests, where no mongod is to be had: FerretDB on SQLite behind a proxy that lets one command
// at a time through.
//
// FerretDB reads, changes and writes without a transaction, so that four connections claim each document several times
// over. MongoDB promises that one document changes in one step; letting one command through at a time keeps that promise.
// It hides what a real server may interleave inside one command of many documents.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

const (
	headerSize     = 16
	maxMessageSize = 48_000_000
	opQuery        = 2004
	opMsg          = 2013
	moreToCome     = 2

	// FerretDB holds one of its hundred SQLite connections for each update of a command until the command ends, and waits
	// for itself for ever when they run out. A driver splits what is more than the server says that it takes.
	maxWriteBatchSize = 64
)

// oneCommand is held from sending a message to having its reply.
var oneCommand sync.Mutex

func main() {
	log.SetFlags(0)
	folder := flag.String("folder", "", "where the data is kept; made when it is not there")
	port := flag.Int("port", 0, "the port on 127.0.0.1; 0 for a free one")
	flag.Parse()
	if *folder == "" {
		log.Fatal("-folder is needed")
	}
	if err := serve(*folder, *port); err != nil {
		log.Fatal(err)
	}
}

func serve(folder string, port int) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	// Not in the data folder: the path of a socket has about a hundred characters at the most.
	socketFolder, err := os.MkdirTemp("", "ferret")
	if err != nil {
		return err
	}
	defer os.RemoveAll(socketFolder)
	socket := filepath.Join(socketFolder, "s.sock")

	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		// Survives a killed process, which is all that the tests do to it, and not a power cut.
		SQLiteURL: "file:" + filepath.ToSlash(folder) + "/?_pragma=synchronous(off)",
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- db.Run(ctx) }()

	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	go accept(listener, socket)
	go func() {
		// The end of the input is the end of whoever started it.
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	// FerretDB listens since New: whoever reads this line can connect.
	fmt.Printf("mongodb://%s/\n", listener.Addr())

	<-ctx.Done()
	listener.Close()
	return <-ended
}

func accept(listener net.Listener, socket string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("unix", socket)
			if err != nil {
				log.Print(err)
				return
			}
			defer server.Close()
			if err := relay(client, server); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				log.Print(err)
			}
		}()
	}
}

// relay passes whole messages from the client to the server, and for each its reply back.
func relay(client, server net.Conn) error {
	for {
		request, err := readMessage(client)
		if err != nil {
			return err
		}
		reply, err := ask(server, request)
		if err != nil {
			return err
		}
		if _, err := client.Write(reply); err != nil {
			return err
		}
	}
}

func ask(server net.Conn, request []byte) ([]byte, error) {
	// A long command must not keep the driver's monitor waiting, or it takes the server for gone.
	if !isProbe(request) {
		oneCommand.Lock()
		defer oneCommand.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	if opcode(request) == opMsg && flags(request)&moreToCome != 0 {
		return nil, nil
	}
	reply, err := readMessage(server)
	if err == nil && isProbe(request) {
		limitWriteBatch(reply)
	}
	return reply, err
}

// limitWriteBatch changes the answer to a hello where it stands.
func limitWriteBatch(reply []byte) {
	const int32Type = "\x10"
	field := []byte(int32Type + "maxWriteBatchSize\x00")
	if at := bytes.Index(reply, field); at >= 0 && len(reply) >= at+len(field)+4 {
		binary.LittleEndian.PutUint32(reply[at+len(field):], maxWriteBatchSize)
	}
}

func readMessage(from io.Reader) ([]byte, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header)
	if size < headerSize || size > maxMessageSize {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	message := make([]byte, size)
	copy(message, header)
	_, err := io.ReadFull(from, message[headerSize:])
	return message, err
}

func opcode(message []byte) uint32 {
	return binary.LittleEndian.Uint32(message[12:])
}

func flags(message []byte) uint32 {
	if len(message) < headerSize+4 {
		return 0
	}
	return binary.LittleEndian.Uint32(message[headerSize:])
}

func isProbe(message []byte) bool {
	switch firstKey(message) {
	case "hello", "isMaster", "ismaster", "ping":
		return true
	}
	return false
}

// firstKey is the name of the command: the key of the first element of the body.
func firstKey(message []byte) string {
	const documentSize, elementType = 4, 1
	if len(message) < headerSize+4 {
		return ""
	}
	rest := message[headerSize+4:]
	switch opcode(message) {
	case opMsg:
		if len(rest) == 0 || rest[0] != 0 {
			return ""
		}
		rest = rest[1:]
	case opQuery:
		end := bytes.IndexByte(rest, 0)
		if end < 0 || len(rest) < end+9 {
			return ""
		}
		rest = rest[end+9:]
	default:
		return ""
	}
	if len(rest) < documentSize+elementType {
		return ""
	}
	key, _, found := bytes.Cut(rest[documentSize+elementType:], []byte{0})
	if !found {
		return ""
	}
	return string(key)
}
