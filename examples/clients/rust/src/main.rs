//! Payments as they happen, each once and in order, whatever happens to the connection.

use std::{env, error::Error, sync::Arc, sync::Mutex, time::Duration};

use futures_lite::StreamExt;
use graphql_ws_client::{Client, Connection, Message, graphql::GraphqlOperation};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

const PAYMENTS: &str = "
  subscription Payments($cursor: String) @resume(after: $cursor, onGap: CONTINUE) {
    transaction { id amount }
  }";
const PASSING: [&str; 3] = ["UNAVAILABLE", "LIMIT_EXCEEDED", "INTERNAL_SERVER_ERROR"];

#[derive(Default)]
struct Place {
    /// Keep it with what you store: who dies between the two sees an event again, or misses one.
    cursor: Option<String>,
    /// Events that were read and not shown yet.
    unshown: usize,
}
type Shared = Arc<Mutex<Place>>;
type Failure = Box<dyn Error + Send + Sync>;

/// Returns the error that no retry mends.
async fn follow() -> Value {
    let place = Shared::default();
    let mut failures = 0;
    loop {
        let before = place.lock().unwrap().cursor.clone();
        if let Ok(Some(refused)) = connection(&place).await {
            return refused;
        }
        failures = if place.lock().unwrap().cursor == before {
            failures + 1
        } else {
            0
        };
        sleep(Duration::from_secs_f64(
            fastrand::f64() * 2f64.powi(failures).min(10.0),
        ))
        .await;
    }
}

async fn connection(place: &Shared) -> Result<Option<Value>, Failure> {
    let token = tokio::task::spawn_blocking(fresh_token).await??;
    let mut request = env::var("EVENTS_URL")?.into_client_request()?;
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse()?);
    let (wire, _) = connect_async(request).await?;
    place.lock().unwrap().unshown = 0;
    let cursor = place.lock().unwrap().cursor.clone();
    let mut events = Client::build(Listening {
        wire,
        place: place.clone(),
    })
    .payload(json!({ "Authorization": format!("Bearer {token}") }))?
    .subscribe(Payments {
        query: PAYMENTS,
        variables: json!({ "cursor": cursor }),
    })
    .await?;
    while let Some(event) = events.next().await {
        let event = event?;
        // An operation that ends has errors and no data; an event that does not fit its type has both.
        if event.get("data").is_none() {
            let refused = event["errors"][0].clone();
            let code = refused["extensions"]["code"].as_str().unwrap_or_default();
            return Ok((!PASSING.contains(&code)).then_some(refused));
        }
        show(&event);
        let mut place = place.lock().unwrap();
        place.cursor = event["extensions"]["cursor"].as_str().map(String::from);
        place.unshown -= 1;
    }
    Ok(None)
}

/// The library answers pings and tells nobody: they bring the cursor of a subscription that has had no event, or none for long.
struct Listening<C> {
    wire: C,
    place: Shared,
}

impl<C: Connection + Send> Connection for Listening<C> {
    async fn receive(&mut self) -> Option<Message> {
        // A gateway says something every 12 s: a connection that is silent for 30 s is dead.
        let message = timeout(Duration::from_secs(30), self.wire.receive())
            .await
            .ok()??;
        if let Message::Text(text) = &message {
            let heard: Value = serde_json::from_str(text).unwrap_or_default();
            let mut place = self.place.lock().unwrap();
            match heard["type"].as_str() {
                Some("next" | "error") => place.unshown += 1,
                // A ping behind an event that is not shown yet would pass it.
                Some("ping") if place.unshown == 0 => {
                    let cursors = heard["payload"]["cursors"].as_object();
                    let newest = cursors.and_then(|cursors| cursors.values().next()?.as_str());
                    place.cursor = newest.map(String::from).or(place.cursor.take());
                }
                _ => {}
            }
        }
        Some(message)
    }

    async fn send(&mut self, message: Message) -> Result<(), graphql_ws_client::Error> {
        self.wire.send(message).await
    }
}

/// Its results as JSON: those of cynic have no extensions, those of graphql_client have.
#[derive(Serialize)]
struct Payments {
    query: &'static str,
    variables: Value,
}

impl GraphqlOperation for Payments {
    type Response = Value;
    type Error = serde_json::Error;

    fn decode(&self, response: Value) -> Result<Value, serde_json::Error> {
        Ok(response)
    }
}

fn show(event: &Value) {
    if let Some(gap) = event["extensions"].get("gap") {
        println!(
            "gap {} {}",
            gap["reason"].as_str().unwrap_or_default(),
            gap["missed"]
        );
    }
    match event.get("errors") {
        Some(errors) => println!("fault {}", errors[0]["message"]),
        None => println!(
            "payment {}",
            event["data"]["transaction"]["id"]
                .as_str()
                .unwrap_or_default()
        ),
    }
}

/// As you sign in: here an address that answers with a token.
fn fresh_token() -> Result<String, Failure> {
    Ok(ureq::get(env::var("TOKEN_URL")?)
        .call()?
        .body_mut()
        .read_to_string()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    Err(follow().await.to_string())
}
