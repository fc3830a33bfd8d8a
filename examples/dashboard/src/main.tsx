import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { EventsProvider } from 'tailrace-client/react';
import { apollo, live } from './client.js';
import { Connection } from './connection.js';
import { Fleet } from './fleet.js';
import { Payments } from './payments.js';
import './style.css';

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <ApolloProvider client={apollo}>
      <EventsProvider client={live}>
        <header className="top">
          <h1>Live fleet</h1>
          <Connection />
        </header>
        <main>
          <Fleet />
          <Payments />
        </main>
      </EventsProvider>
    </ApolloProvider>
  </StrictMode>,
);
