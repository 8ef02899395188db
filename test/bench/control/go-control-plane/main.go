// The peer of the benchmark of the control service: a plain server of snapshots on go-control-plane. It gets resources that are translated
// already, and puts others in their place when it is told to.
//
// A line of standard input is {"resources": {TYPE: [{"name", "value"}]}}, `value` in base64: all resources first, then, line by line, those that change. A line
// of standard output says on which port of 127.0.0.1 it listens. It ends with its input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resource "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

const everybody = "everybody"

// Every proxy gets the same.
type sameNode struct{}

func (sameNode) ID(*core.Node) string { return everybody }

type change struct {
	Resources map[string][]struct {
		Name  string `json:"name"`
		Value []byte `json:"value"`
	} `json:"resources"`
}

type mesh struct {
	cache     cache.SnapshotCache
	snapshot  cache.Snapshot
	resources map[string]map[string]types.Resource
	version   int
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	serving := &mesh{cache: cache.NewSnapshotCache(true, sameNode{}, nil), resources: map[string]map[string]types.Resource{}}
	if err := serving.read(lines); err != nil {
		log.Fatal(err)
	}
	grpcServer := grpc.NewServer(grpc.MaxConcurrentStreams(1 << 20))
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), serving.cache, nil))
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(grpcServer.Serve(socket)) }()
	fmt.Println(socket.Addr().(*net.TCPAddr).Port)
	for {
		if err := serving.read(lines); err == io.EOF {
			return
		} else if err != nil {
			log.Fatal(err)
		}
	}
}

// Takes one line of changes over into a new snapshot. Types in which nothing differs keep their version.
func (m *mesh) read(lines *bufio.Reader) error {
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var changed change
	if err := json.Unmarshal(line, &changed); err != nil {
		return err
	}
	m.version++
	for typeURL, resources := range changed.Resources {
		byName := m.resources[typeURL]
		if byName == nil {
			byName = map[string]types.Resource{}
			m.resources[typeURL] = byName
		}
		for _, each := range resources {
			message, err := decode(typeURL, each.Value)
			if err != nil {
				return fmt.Errorf("%s %s: %w", typeURL, each.Name, err)
			}
			byName[each.Name] = message
		}
		all := make([]types.Resource, 0, len(byName))
		for _, message := range byName {
			all = append(all, message)
		}
		m.snapshot.Resources[cache.GetResponseType(typeURL)] = cache.NewResources(strconv.Itoa(m.version), all)
	}
	// The cache keeps what it is given; a snapshot of its own lets it compare.
	next := cache.Snapshot{Resources: m.snapshot.Resources}
	return m.cache.SetSnapshot(context.Background(), everybody, &next)
}

func decode(typeURL string, value []byte) (types.Resource, error) {
	var message types.Resource
	switch typeURL {
	case resource.ClusterType:
		message = &cluster.Cluster{}
	case resource.EndpointType:
		message = &endpoint.ClusterLoadAssignment{}
	case resource.ListenerType:
		message = &listener.Listener{}
	case resource.ScopedRouteType:
		message = &route.ScopedRouteConfiguration{}
	case resource.RouteType:
		message = &route.RouteConfiguration{}
	default:
		return nil, fmt.Errorf("not a type of the benchmark")
	}
	return message, proto.Unmarshal(value, message)
}
