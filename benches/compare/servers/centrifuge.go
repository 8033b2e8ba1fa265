// A presence server with Centrifuge's library: who subscribes to a room is told who comes and goes,
// and what each publishes. There is no state: who comes later is told none. Of visitors, by their
// names, nobody is told.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/centrifugal/centrifuge"
)

func who(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials := &centrifuge.Credentials{UserID: r.URL.Query().Get("user")}
		h.ServeHTTP(w, r.WithContext(centrifuge.SetCredentials(r.Context(), credentials)))
	})
}

func main() {
	node, err := centrifuge.New(centrifuge.DefaultConfig)
	if err != nil {
		panic(err)
	}
	node.OnConnecting(func(_ context.Context, _ centrifuge.ConnectEvent) (
		centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
			isVisitor := strings.HasPrefix(client.UserID(), "visitor")
			options := centrifuge.SubscribeOptions{Presence: !isVisitor, JoinLeave: !isVisitor}
			done(centrifuge.SubscribeReply{Options: options}, nil)
		})
		client.OnPublish(func(_ centrifuge.PublishEvent, done centrifuge.PublishCallback) {
			done(centrifuge.PublishReply{}, nil)
		})
		client.OnPresence(func(_ centrifuge.PresenceEvent, done centrifuge.PresenceCallback) {
			done(centrifuge.PresenceReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		panic(err)
	}
	http.Handle("/connection/websocket",
		who(centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{})))
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("COMPARE_PORT"), nil))
}
