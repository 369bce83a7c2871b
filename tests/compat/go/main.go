// What OpenAI's package for Go sees of the cluster whose address is the argument, as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

const weather = "What is the weather in Paris?"

func object(name, kind string) map[string]any {
	return map[string]any{
		"type":                 "object",
		"properties":           map[string]any{name: map[string]any{"type": kind}},
		"required":             []string{name},
		"additionalProperties": false,
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	ctx := context.Background()
	client := openai.NewClient(option.WithBaseURL(os.Args[1]+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	ask := func(messages ...openai.ChatCompletionMessageParamUnion) openai.ChatCompletionNewParams {
		return openai.ChatCompletionNewParams{
			Model: "demo", Messages: messages, Temperature: openai.Float(0), MaxCompletionTokens: openai.Int(100),
		}
	}
	seen := map[string]any{}

	chat := must(client.Chat.Completions.New(ctx, ask(openai.UserMessage("What is 12 + 7?"))))
	seen["chat"] = chat.Choices[0].Message.Content

	asked := ask(openai.UserMessage("Count to 9."))
	asked.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream, whole := client.Chat.Completions.NewStreaming(ctx, asked), openai.ChatCompletionAccumulator{}
	for stream.Next() {
		whole.AddChunk(stream.Current())
	}
	if stream.Err() != nil {
		panic(stream.Err())
	}
	seen["streamed"], seen["tokens"] = whole.Choices[0].Message.Content, whole.Usage.CompletionTokens

	asked = ask(openai.UserMessage(weather))
	asked.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "get_weather", Description: openai.String("The weather."), Parameters: object("city", "string"),
	})}
	called := must(client.Chat.Completions.New(ctx, asked)).Choices[0].Message
	call := called.ToolCalls[0]
	seen["call"] = []string{call.Function.Name, call.Function.Arguments}
	asked.Messages = append(asked.Messages, called.ToParam(), openai.ToolMessage("sunny", call.ID))
	seen["answer"] = must(client.Chat.Completions.New(ctx, asked)).Choices[0].Message.Content

	asked = ask(openai.UserMessage("What is 12 + 7?"))
	asked.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
		JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "sum", Schema: object("value", "integer"), Strict: openai.Bool(true),
		},
	}
	seen["typed"] = must(client.Chat.Completions.New(ctx, asked)).Choices[0].Message.Content

	response := responses.ResponseNewParams{Model: "demo", Temperature: openai.Float(0)}
	response.Input.OfString = openai.String("What is the capital of France?")
	seen["response"] = must(client.Responses.New(ctx, response)).OutputText()

	texts := openai.EmbeddingNewParams{Model: "vectors"}
	texts.Input.OfArrayOfStrings = []string{"a llama", "a fox"}
	vectors := must(client.Embeddings.New(ctx, texts))
	seen["vectors"] = []int{len(vectors.Data[0].Embedding), len(vectors.Data[1].Embedding)}

	asked = ask(openai.UserMessage("Hello"))
	asked.Model = "none"
	_, err := client.Chat.Completions.New(ctx, asked)
	var refused *openai.Error
	if errors.As(err, &refused) {
		seen["refused"] = []any{refused.StatusCode, refused.Code}
	}
	must(0, json.NewEncoder(os.Stdout).Encode(seen))
}
