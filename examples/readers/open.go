// Opens a file that Strongroom encrypted, with Go's standard library (1.19 or newer) and nothing of Strongroom's.
//
//	strongroom key show acme | go run open.go clients.csv.sealed clients.csv
//
// Several keys may be given, one a line. The output file stays only if every byte has proven authentic.
package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

const (
	chunkSize = 16384
	tagSize   = 16
	magic     = "\x89SRM\r\n\x1a\n"
)

func mac(hash func() hash.Hash, key []byte, parts ...[]byte) []byte {
	mac := hmac.New(hash, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// HKDF-Expand (RFC 5869 section 2.3), for at most 128 bytes.
func expand(key, info []byte, length int) []byte {
	first := mac(sha512.New, key, info, []byte{1})
	return append(first, mac(sha512.New, key, first, info, []byte{2})...)[:length]
}

// A message whose commitment and final chunk have held: its key is the right one, and its length is proven.
type message struct {
	sealed io.ReaderAt
	aead   cipher.AEAD
	nonce  []byte
	last   int64
	final  []byte
}

func openMessage(key, context []byte, sealed io.ReaderAt, length int64) (*message, error) {
	last, rest := (length-56)/(chunkSize+tagSize), (length-56)%(chunkSize+tagSize)
	if length < 56 || rest < tagSize {
		return nil, errors.New("was cut")
	}
	prefix := make([]byte, 56)
	if _, err := sealed.ReadAt(prefix, 0); err != nil {
		return nil, err
	}
	info := append([]byte("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"), prefix[:24]...)
	okm := expand(key, append(info, context...), 76)
	if !hmac.Equal(okm[44:], prefix[24:]) {
		return nil, errors.New("is under another key")
	}
	block, err := aes.NewCipher(okm[:32])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	opened := &message{sealed: sealed, aead: aead, nonce: okm[32:44], last: last}
	opened.final, err = opened.chunk(last, rest)
	return opened, err
}

// Returns the plaintext of a chunk, and nothing of one whose tag does not hold.
func (m *message) chunk(number, size int64) ([]byte, error) {
	sealed := make([]byte, size)
	if n, err := m.sealed.ReadAt(sealed, 56+number*(chunkSize+tagSize)); int64(n) < size {
		return nil, err
	}
	nonce := append([]byte{}, m.nonce...)
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^uint64(number))
	plain, err := m.aead.Open(sealed[:0], nonce, sealed, nil)
	if err != nil {
		return nil, errors.New("was altered or cut")
	}
	return plain, nil
}

func (m *message) write(output io.Writer) error {
	for number := int64(0); number < m.last; number++ {
		plain, err := m.chunk(number, chunkSize+tagSize)
		if err != nil {
			return err
		}
		if _, err = output.Write(plain); err != nil {
			return err
		}
	}
	_, err := output.Write(m.final)
	return err
}

// Returns the prelude, the content key and where the body begins. Either of the two equal blocks will do.
func readHeader(sealed io.ReaderAt, fileKeys [][]byte) (prelude, contentKey []byte, body int64, err error) {
	err = errors.New("is not a sealed file")
	for offset := int64(0); offset <= 61440; offset += 4096 {
		start := make([]byte, 44)
		if n, _ := sealed.ReadAt(start, offset); n < len(start) {
			break
		}
		length := int64(binary.BigEndian.Uint16(start[10:]))
		if string(start[:8]) != magic || offset != 0 && offset != length {
			continue
		}
		err = errors.New("was altered or cut, or is of a newer format")
		// Version 1, suite 1, no flags: what else there is, this program does not know.
		if length < 4096 || start[8] != 1 || start[9] != 1 || binary.BigEndian.Uint32(start[12:]) != 0 {
			continue
		}
		block := make([]byte, length)
		if n, _ := sealed.ReadAt(block, offset); int64(n) < length {
			continue
		}
		if binary.BigEndian.Uint32(start[40:]) != 0x01000068 {
			err = errors.New("was sealed for a recipient's key, and not for a project")
			continue
		}
		err = errors.New("opens with none of the keys given, or was altered")
		prelude, stanza := block[:32], bytes.NewReader(block[44:148])
		for _, fileKey := range fileKeys {
			opened, failed := openMessage(fileKey, append([]byte("strongroom/v1/content-key"), prelude...), stanza, 104)
			if failed != nil {
				continue
			}
			macKey := expand(opened.final, []byte("strongroom/v1/header-mac"), 32)
			if hmac.Equal(mac(sha256.New, macKey, block[:length-32]), block[length-32:]) {
				return prelude, opened.final, 2 * length, nil
			}
		}
	}
	return nil, nil, 0, err
}

func run(sealedPath, outputPath string) error {
	var fileKeys [][]byte
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		key, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			return err
		}
		fileKeys = append(fileKeys, key)
	}
	sealed, err := os.Open(sealedPath)
	if err != nil {
		return err
	}
	prelude, contentKey, start, err := readHeader(sealed, fileKeys)
	if err != nil {
		return err
	}
	end, err := sealed.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	body, err := openMessage(contentKey, prelude, io.NewSectionReader(sealed, start, end-start), end-start)
	if err != nil {
		return err
	}
	output, err := os.OpenFile(outputPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = body.write(output)
	if closed := output.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(outputPath)
	}
	return err
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
