//! What the async-openai crate sees of the cluster whose address is the argument, as JSON.

use std::error::Error;

use async_openai::{
    config::OpenAIConfig,
    error::OpenAIError,
    types::{
        chat::{ChatCompletionMessageToolCalls, CreateChatCompletionRequest},
        embeddings::CreateEmbeddingRequest,
        responses::CreateResponse,
    },
    Client,
};
use futures::StreamExt;
use serde_json::{from_value, json, to_value, Value};

fn ask(messages: Value) -> Value {
    json!({"model": "demo", "messages": messages, "temperature": 0.0, "max_completion_tokens": 100})
}

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("an address is needed")?;
    let config = OpenAIConfig::new().with_api_base(format!("{url}/v1")).with_api_key("none");
    let client = Client::with_config(config);
    let mut seen = json!({});

    let request: CreateChatCompletionRequest = from_value(ask(user("What is 12 + 7?")))?;
    seen["chat"] = json!(client.chat().create(request).await?.choices[0].message.content);

    let mut asked = ask(user("Count to 9."));
    asked["stream_options"] = json!({"include_usage": true});
    asked["stream"] = json!(true);
    let request: CreateChatCompletionRequest = from_value(asked)?;
    let mut stream = client.chat().create_stream(request).await?;
    let (mut text, mut tokens) = (String::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        for choice in &chunk.choices {
            text += choice.delta.content.as_deref().unwrap_or("");
        }
        tokens = chunk.usage.map_or(tokens, |usage| usage.completion_tokens);
    }
    seen["streamed"] = json!(text);
    seen["tokens"] = json!(tokens);

    let mut asked = ask(user("What is the weather in Paris?"));
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let function = json!({"name": "get_weather", "description": "The weather.", "parameters": city});
    asked["tools"] = json!([{"type": "function", "function": function}]);
    let request: CreateChatCompletionRequest = from_value(asked.clone())?;
    let called = client.chat().create(request).await?.choices.remove(0).message;
    let calls = called.tool_calls.clone().ok_or("no tool is called")?;
    let ChatCompletionMessageToolCalls::Function(call) = &calls[0] else {
        return Err("the call is of no function".into());
    };
    seen["call"] = json!([call.function.name, call.function.arguments]);
    let said = json!({"role": "assistant", "content": called.content, "tool_calls": to_value(&calls)?});
    let result = json!({"role": "tool", "tool_call_id": call.id, "content": "sunny"});
    asked["messages"].as_array_mut().ok_or("no messages")?.extend([said, result]);
    let request: CreateChatCompletionRequest = from_value(asked)?;
    seen["answer"] = json!(client.chat().create(request).await?.choices[0].message.content);

    let asked = json!({"model": "demo", "temperature": 0.0, "input": "What is the capital of France?"});
    let request: CreateResponse = from_value(asked)?;
    seen["response"] = json!(client.responses().create(request).await?.output_text());

    let request: CreateEmbeddingRequest = from_value(json!({"model": "vectors", "input": ["a llama", "a fox"]}))?;
    let made = client.embeddings().create(request).await?;
    seen["vectors"] = json!(made.data.iter().map(|each| each.embedding.len()).collect::<Vec<_>>());

    let mut asked = ask(user("Hello"));
    asked["model"] = json!("none");
    let request: CreateChatCompletionRequest = from_value(asked)?;
    if let Err(OpenAIError::ApiError(refused)) = client.chat().create(request).await {
        seen["refused"] = json!([refused.status_code.as_u16(), refused.api_error.code]);
    }
    println!("{seen}");
    Ok(())
}
