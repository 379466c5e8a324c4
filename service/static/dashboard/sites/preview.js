/** A picture asks for nothing: what the widget would ask the service is answered with nothing, here. */
globalThis.fetch = () => Promise.resolve(new Response(null, { status: 204 }))
